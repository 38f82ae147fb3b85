"""What the Python tests share: msgpack values, the raw protocol."""
