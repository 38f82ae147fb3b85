"""The judge: a reference evaluator and a differential test of every path through the daemon."""
