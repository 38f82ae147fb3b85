// The engine of regex_engine.h by RE2: the one file that sees it, and the only one in C++.
//
// RE2 matches in time linear in program times subject whatever the pattern, which is why it is RE2.
// Its programs are built when the pattern is compiled, the one that runs backwards too; the caches
// of its automata grow while matching, under RE2's own locks and within max_mem.
#include "kernel/regex_engine.h"

#include <algorithm>
#include <new>
#include <re2/filtered_re2.h>
#include <re2/re2.h>
#include <set>
#include <string>
#include <vector>

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

// Where in a pattern an error is. RE2 says which piece of it is wrong, not where it stands: the
// same piece can stand before, escaped or in a class, where it is right.
class finder {
  public:
    finder(const RE2 &re2, size_t n_flags)
        : p_(re2.pattern()), code_(re2.error_code()), piece_(re2.error_arg()), i_(n_flags) {}

    size_t find() {
        if (code_ == RE2::ErrorTrailingBackslash)
            return p_.size() - 1;
        if (code_ == RE2::ErrorMissingBracket) // from the bracket to the end
            return p_.size() - piece_.size();
        bool item = false; // something stands before that can be repeated
        while (i_ < p_.size() && !is_it(item)) {
            char c = p_[i_];
            item = c != '(' && c != '|';
            if (c == '(' && !in_class_)
                open_.push_back(i_);
            else if (c == ')' && !in_class_ && !open_.empty())
                open_.pop_back();
            step();
        }
        if (code_ == RE2::ErrorMissingParen && !open_.empty())
            return open_.back();
        return i_ < p_.size() ? i_ : SIZE_MAX;
    }

  private:
    bool is_it(bool item) const {
        if (is_parenthesis())
            return p_[i_] == ')' && !in_class_ && open_.empty();
        return !piece_.empty() && p_.compare(i_, piece_.size(), piece_) == 0 &&
               !(code_ == RE2::ErrorRepeatArgument && (item || in_class_)) &&
               !(code_ == RE2::ErrorBadCharRange && !in_class_ && p_[i_] != '\\');
    }

    bool is_parenthesis() const {
        return code_ == RE2::ErrorMissingParen || code_ == RE2::ErrorUnexpectedParen;
    }

    void step() {
        char c = p_[i_];
        if (c == '[' && !in_class_) {
            in_class_ = true;
            if (i_ + 1 < p_.size() && p_[i_ + 1] == '^')
                i_++;
            if (i_ + 1 < p_.size() && p_[i_ + 1] == ']') // first of all it is itself
                i_++;
        } else if (c == ']') {
            in_class_ = false;
        }
        i_ += c == '\\' ? 2 : 1;
    }

    const std::string &p_;
    const RE2::ErrorCode code_;
    const std::string &piece_;
    size_t i_;
    bool in_class_ = false;
    std::vector<size_t> open_;
};

// What RE2 says, without the whole pattern, which it quotes for a parenthesis, and without our
// flags.
std::string message(const RE2 &re2, size_t n_flags) {
    std::string error = re2.error();
    const std::string &piece = re2.error_arg(); // which error ends with
    bool parenthesis =
        re2.error_code() == RE2::ErrorMissingParen || re2.error_code() == RE2::ErrorUnexpectedParen;
    if (parenthesis && piece == re2.pattern() && error.size() >= piece.size() + 2)
        error.erase(error.size() - piece.size() - 2);
    else if (n_flags > 0 && piece.compare(0, n_flags, re2.pattern(), 0, n_flags) == 0 &&
             piece.size() <= error.size())
        error.erase(error.size() - piece.size(), n_flags);
    return error;
}

std::string with_flags(const char *pattern, size_t n, const char *flags) {
    std::string whole;
    if (*flags)
        whole.append("(?").append(flags).append(")");
    return whole.append(pattern, n);
}

RE2::Options options_of(int64_t memory_bytes) {
    RE2::Options options;
    options.set_max_mem(memory_bytes);
    options.set_log_errors(false);
    options.set_never_capture(true);
    return options;
}

enum regex_fault build(const char *pattern, size_t n, const char *flags, int64_t memory_bytes,
                       struct regex_engine **ret, char *text, size_t text_bytes,
                       size_t *ret_place) {
    std::string whole = with_flags(pattern, n, flags);
    struct regex_engine *e = new regex_engine(whole, options_of(memory_bytes));
    if (e->re2.ok()) {
        e->re2.ReverseProgramSize(); // builds it
        *ret = e;
        return REGEX_OK;
    }
    enum regex_fault fault =
        e->re2.error_code() == RE2::ErrorPatternTooLarge ? REGEX_TOO_LARGE : REGEX_BAD;
    say(text, text_bytes, message(e->re2, whole.size() - n));
    if (fault == REGEX_BAD) {
        size_t place = finder(e->re2, whole.size() - n).find();
        if (place >= whole.size() - n && place < whole.size())
            *ret_place = place - (whole.size() - n);
    }
    delete e;
    return fault;
}

// Needles of a pattern. RE2 says of which strings, atoms, every match holds some: not as a formula,
// but it tells whether a subject that holds just these may match. So a set of atoms is one of which
// every match holds one if nothing may match that holds all the others. The smallest are the best.
//
// Atoms are in lower case, letter by letter as Unicode has it, whatever the pattern's case. So a
// subject has an atom's ASCII letters in either case, but two of them may stand for letters that
// are not ASCII, whose lower case they are or which are the same as they but for case: k for
// U+212A, s for U+017F. They are left out unless all of the pattern is ASCII and keeps its case.
class needle_finder {
  public:
    needle_finder(const std::string &pattern, int64_t memory_bytes)
        : filter_(static_cast<int>(NEEDLE_LEAST)), plain_(is_plain(pattern)) {
        int id;
        if (filter_.Add(pattern, options_of(memory_bytes), &id) == RE2::NoError)
            filter_.Compile(&atoms_);
    }

    size_t find(struct needle *out) {
        if (atoms_.empty() || atoms_.size() > ATOMS_MOST)
            return 0;
        std::vector<int> all, best;
        needles_.resize(atoms_.size());
        for (size_t i = 0; i < atoms_.size(); i++)
            if ((needles_[i] = usable(atoms_[i])).size() >= NEEDLE_LEAST)
                all.push_back(static_cast<int>(i));
        if (!are_needed(all))
            return 0;
        for (int last : all) { // a small set is found from any of its members
            std::vector<int> some = all;
            for (int i : all)
                if (i != last)
                    drop(&some, i);
            drop(&some, last);
            if (best.empty() || is_better(some, best))
                best = some;
        }
        return shorten(best, out);
    }

  private:
    static constexpr size_t NEEDLE_LEAST = 3; // shorter ones stand nearly everywhere
    static constexpr size_t NEEDLES_FEW = 4;  // that are as good as one
    static constexpr size_t ATOMS_MOST = 16;

    // No letter that is not ASCII is in it or is meant by an escape, and none is the same as
    // another: perhaps false where that is so.
    static bool is_plain(const std::string &p) {
        for (size_t i = 0; i < p.size(); i++) {
            char next = i + 1 < p.size() ? p[i + 1] : '\0';
            if ((p[i] & 0x80) || (p[i] == '\\' && (next == 'x' || (next | 0x20) == 'p' ||
                                                   (next >= '0' && next <= '9'))))
                return false;
            if (p[i] == '(' && next == '?')
                for (size_t k = i + 2; k < p.size() && is_flag(p[k]); k++)
                    if (p[k] == 'i')
                        return false;
        }
        return true;
    }

    static bool is_flag(char c) { return (c >= 'a' && c <= 'z') || c == 'U' || c == '-'; }

    // The longest run of an atom's bytes that can be compared.
    std::string usable(const std::string &atom) const {
        size_t best = 0, best_n = 0, n = 0;
        for (size_t i = 0; i < atom.size(); i++) {
            char c = atom[i];
            n = (c & 0x80) || (!plain_ && (c == 'k' || c == 's')) ? 0 : n + 1;
            if (n > best_n) {
                best_n = n;
                best = i + 1 - n;
            }
        }
        return atom.substr(best, best_n);
    }

    // Whether every match holds one of these atoms.
    bool are_needed(const std::vector<int> &some) const {
        std::vector<int> others, matches;
        for (int i = 0; i < static_cast<int>(atoms_.size()); i++)
            if (std::find(some.begin(), some.end(), i) == some.end())
                others.push_back(i);
        filter_.AllPotentials(others, &matches);
        return matches.empty();
    }

    void drop(std::vector<int> *some, int atom) const {
        std::vector<int> fewer = *some;
        fewer.erase(std::find(fewer.begin(), fewer.end(), atom));
        if (are_needed(fewer))
            *some = fewer;
    }

    // Atoms often differ in their ends alone (a class behind a word): shorter needles are fewer.
    size_t shorten(const std::vector<int> &some, struct needle *out) const {
        for (size_t most : {NEEDLES_FEW, static_cast<size_t>(NEEDLES_MOST)})
            for (size_t n = NEEDLE_BYTES; n >= NEEDLE_LEAST; n--) {
                std::set<std::string> heads;
                for (int i : some)
                    heads.insert(needles_[i].substr(0, n));
                if (heads.size() > most)
                    continue;
                for (const std::string &head : heads) {
                    out->n = static_cast<uint8_t>(head.size());
                    head.copy(reinterpret_cast<char *>(out++->bytes), head.size());
                }
                return heads.size();
            }
        return 0;
    }

    size_t shortest(const std::vector<int> &some) const {
        size_t n = NEEDLE_BYTES;
        for (int i : some)
            n = std::min(n, needles_[i].size());
        return n;
    }

    bool is_better(const std::vector<int> &some, const std::vector<int> &than) const {
        return some.size() != than.size() ? some.size() < than.size()
                                          : shortest(some) > shortest(than);
    }

    re2::FilteredRE2 filter_;
    const bool plain_;
    std::vector<std::string> atoms_;
    std::vector<std::string> needles_; // what can be compared of each atom
};

} // namespace

extern "C" enum regex_fault regex_engine_new(const char *pattern, size_t n, const char *flags,
                                             int64_t memory_bytes, struct regex_engine **ret,
                                             char *text, size_t text_bytes, size_t *ret_place) {
    text[0] = '\0';
    *ret_place = SIZE_MAX;
    try {
        return build(pattern, n, flags, memory_bytes, ret, text, text_bytes, ret_place);
    } catch (...) { // nothing but std::bad_alloc and std::length_error is thrown there
        return REGEX_NO_MEMORY;
    }
}

extern "C" void regex_engine_free(struct regex_engine *e) { delete e; }

extern "C" uint32_t regex_engine_size(const struct regex_engine *e) {
    int forward = e->re2.ProgramSize();
    return forward > 1 ? static_cast<uint32_t>(forward) : 1;
}

// RE2's bounds hold for the matched text, which begins with the subject's first byte.
extern "C" bool regex_engine_first(const struct regex_engine *e, uint8_t *ret_low,
                                   uint8_t *ret_high) {
    try {
        std::string low, high;
        if (!e->re2.PossibleMatchRange(&low, &high, 4) || low.empty() || high.empty())
            return false;
        *ret_low = static_cast<uint8_t>(low[0]);
        *ret_high = static_cast<uint8_t>(high[0]);
        return true;
    } catch (...) {
        return false;
    }
}

extern "C" size_t regex_engine_needles(const char *pattern, size_t n, const char *flags,
                                       int64_t memory_bytes, struct needle out[NEEDLES_MOST]) {
    try {
        return needle_finder(with_flags(pattern, n, flags), memory_bytes).find(out);
    } catch (...) { // nothing but std::bad_alloc and std::length_error is thrown there
        return 0;
    }
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
