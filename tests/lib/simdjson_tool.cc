/* What simdjson's full parser thinks of each line of a file: an oracle for the JSON reader.
 * usage: simdjson_tool FILE. A line of output for each: "object", "other" (a value that is none),
 * or the error's name. */
#include <cstdio>
#include <fstream>
#include <simdjson.h>
#include <string>

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: simdjson_tool FILE\n");
        return 2;
    }
    std::ifstream in(argv[1], std::ios::binary);
    simdjson::dom::parser parser;
    for (std::string line; std::getline(in, line);) {
        simdjson::dom::element e;
        simdjson::error_code error = parser.parse(line).get(e);
        if (error)
            printf("%s\n", simdjson::error_message(error));
        else
            printf("%s\n", e.is_object() ? "object" : "other");
    }
    return 0;
}
