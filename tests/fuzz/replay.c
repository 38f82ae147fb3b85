/* Feeds files to a fuzz target: replay PATH..., where a directory stands for the files in it. Used
 * as a test over a corpus, and to look at one crash file in a debugger. Fails on an unreadable path
 * and when there was nothing to feed. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static unsigned fed;

static int feed_file(const char *path) {
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0) {
        perror(path);
        if (f)
            fclose(f);
        return 1;
    }
    size_t n = (size_t)st.st_size;
    uint8_t *data =
        malloc(n ? n : 1); /* of its exact size, so that a sanitizer sees one byte too far */
    int bad = !data || fread(data, 1, n, f) != n;
    fclose(f);
    if (bad) {
        fprintf(stderr, "%s: cannot be read\n", path);
    } else {
        fprintf(stderr, "%s\n", path); /* the last line names the culprit when the target aborts */
        LLVMFuzzerTestOneInput(data, n);
        fed++;
    }
    free(data);
    return bad;
}

static int feed(const char *path) {
    DIR *dir = opendir(path);
    if (!dir)
        return feed_file(path);
    int bad = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char file[4096];
        if (entry->d_name[0] == '.')
            continue;
        int n = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        bad |= n < 0 || (size_t)n >= sizeof file || feed_file(file);
    }
    closedir(dir);
    return bad;
}

int main(int argc, char **argv) {
    int bad = 0;
    for (int i = 1; i < argc; i++)
        bad |= feed(argv[i]);
    fprintf(stderr, "%u inputs\n", fed);
    return bad || fed == 0;
}
