// The engine of regex_engine.h by RE2: the one file that sees it, and the only one in C++.
//
// RE2 matches in time linear in program times subject whatever the pattern, which is why it is RE2.
// Its programs are built when the pattern is compiled, the one that runs backwards too; the caches
// of its automata grow while matching, under RE2's own locks and within max_mem.
#include "kernel/regex_engine.h"

#include <new>
#include <re2/re2.h>
#include <string>

struct regex_engine {
    RE2 re2;
    regex_engine(const std::string &pattern, const RE2::Options &options) : re2(pattern, options) {}
};

namespace {

void say(char *text, size_t bytes, const std::string &s) {
    size_t n = s.size() < bytes - 1 ? s.size() : bytes - 1;
    s.copy(text, n);
    text[n] = '\0';
}

enum regex_fault build(const char *pattern, size_t n, const char *flags, int64_t memory_bytes,
                       struct regex_engine **ret, char *text, size_t text_bytes) {
    RE2::Options options;
    options.set_max_mem(memory_bytes);
    options.set_log_errors(false);
    options.set_never_capture(true);
    std::string whole;
    if (*flags)
        whole.append("(?").append(flags).append(")");
    whole.append(pattern, n);
    struct regex_engine *e = new regex_engine(whole, options);
    if (e->re2.ok()) {
        e->re2.ReverseProgramSize(); // builds it
        *ret = e;
        return REGEX_OK;
    }
    enum regex_fault fault =
        e->re2.error_code() == RE2::ErrorPatternTooLarge ? REGEX_TOO_LARGE : REGEX_BAD;
    std::string error = e->re2.error();
    const std::string &place = e->re2.error_arg(); // which error ends with
    if (n < whole.size() && place.compare(0, whole.size() - n, whole, 0, whole.size() - n) == 0 &&
        place.size() <= error.size())
        error.erase(error.size() - place.size(), whole.size() - n); // our flags
    say(text, text_bytes, error);
    delete e;
    return fault;
}

} // namespace

extern "C" enum regex_fault regex_engine_new(const char *pattern, size_t n, const char *flags,
                                             int64_t memory_bytes, struct regex_engine **ret,
                                             char *text, size_t text_bytes) {
    text[0] = '\0';
    try {
        return build(pattern, n, flags, memory_bytes, ret, text, text_bytes);
    } catch (...) { // nothing but std::bad_alloc and std::length_error is thrown there
        return REGEX_NO_MEMORY;
    }
}

extern "C" void regex_engine_free(struct regex_engine *e) { delete e; }

extern "C" uint32_t regex_engine_size(const struct regex_engine *e) {
    int forward = e->re2.ProgramSize();
    return forward > 1 ? static_cast<uint32_t>(forward) : 1;
}

extern "C" bool regex_engine_match(const struct regex_engine *e, const char *s, size_t n,
                                   bool *ret_failed) {
    *ret_failed = false;
    try {
        return e->re2.Match(re2::StringPiece(n > 0 ? s : "", n), 0, n, RE2::UNANCHORED, nullptr, 0);
    } catch (...) {
        *ret_failed = true;
        return false;
    }
}
