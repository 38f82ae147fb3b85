/* See tables.h: two chained hash tables under one lock. No table is freed while it is held. */
#include "session/tables.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16u

void tables_init(struct tables *t) {
    *t = (struct tables){.next_number = 1};
    pthread_mutex_init(&t->lock, NULL); /* without attributes it cannot fail here */
}

void named_table_unref(struct named_table *t) {
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) > 1)
        return;
    table_unref(t->table);
    free(t);
}

/* ---- under the lock ---- */

static bool same_owner(struct owner a, struct owner b) {
    return a.is_session == b.is_session && a.id == b.id;
}

static uint64_t hash_name(struct owner owner, struct str name) {
    struct hash_key key = hash_key();
    return hash_u64(key,
                    hash_bytes(key, name.p, name.n) ^ owner.id ^ (uint64_t)owner.is_session << 63);
}

static struct named_table **name_place(struct tables *t, struct owner owner, struct str name) {
    struct named_table **at = &t->names[hash_name(owner, name) & (t->n_buckets - 1)];
    while (*at && !(same_owner((*at)->owner, owner) && str_eq(named_table_name(*at), name)))
        at = &(*at)->by_name;
    return at;
}

static struct named_table **number_place(struct tables *t, uint64_t number) {
    struct named_table **at = &t->numbers[number & (t->n_buckets - 1)];
    while (*at && (*at)->number != number)
        at = &(*at)->by_number;
    return at;
}

static struct named_table *held(struct named_table *t) {
    if (t)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

static bool grow(struct tables *t) {
    if (t->n < t->n_buckets)
        return true;
    uint32_t n = t->n_buckets ? 2 * t->n_buckets : FIRST_BUCKETS;
    struct named_table **names = calloc(n, sizeof(struct named_table *)),
                       **numbers = calloc(n, sizeof(struct named_table *));
    if (!names || !numbers) {
        free(names);
        free(numbers);
        return t->n_buckets > 0;
    }
    for (uint32_t i = 0; i < t->n_buckets; i++)
        for (struct named_table *x = t->numbers[i], *next; x; x = next) {
            next = x->by_number;
            uint64_t name = hash_name(x->owner, named_table_name(x)) & (n - 1);
            x->by_name = names[name];
            names[name] = x;
            x->by_number = numbers[x->number & (n - 1)];
            numbers[x->number & (n - 1)] = x;
        }
    free(t->names);
    free(t->numbers);
    t->names = names;
    t->numbers = numbers;
    t->n_buckets = n;
    return true;
}

/* The list's reference goes to the caller. */
static struct named_table *take_out(struct tables *t, struct named_table *x) {
    *name_place(t, x->owner, named_table_name(x)) = x->by_name;
    *number_place(t, x->number) = x->by_number;
    x->dropped = true;
    t->n--;
    return x;
}

static void put_in(struct tables *t, struct named_table *x) {
    uint64_t name = hash_name(x->owner, named_table_name(x)) & (t->n_buckets - 1);
    x->number = t->next_number++;
    x->by_name = t->names[name];
    t->names[name] = x;
    x->by_number = t->numbers[x->number & (t->n_buckets - 1)];
    t->numbers[x->number & (t->n_buckets - 1)] = x;
    t->n++;
}

static uint64_t count_of(const struct tables *t, struct owner owner) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < t->n_buckets; i++)
        for (const struct named_table *x = t->numbers[i]; x; x = x->by_number)
            n += same_owner(x->owner, owner);
    return n;
}

/* ---- */

static bool sees(struct viewer v, struct owner owner) {
    return owner.id == (owner.is_session ? v.session : v.user);
}

struct named_table *tables_find_name(struct tables *t, struct viewer v, struct str name) {
    struct named_table *found = NULL;
    pthread_mutex_lock(&t->lock);
    if (t->n_buckets > 0)
        found = *name_place(t, (struct owner){true, v.session}, name);
    if (t->n_buckets > 0 && !found)
        found = *name_place(t, (struct owner){false, v.user}, name);
    held(found);
    pthread_mutex_unlock(&t->lock);
    return found;
}

struct named_table *tables_find_number(struct tables *t, struct viewer v, uint64_t number) {
    pthread_mutex_lock(&t->lock);
    struct named_table *found = t->n_buckets > 0 ? *number_place(t, number) : NULL;
    found = found && sees(v, found->owner) ? held(found) : NULL;
    pthread_mutex_unlock(&t->lock);
    return found;
}

static struct named_table *named_table_new(struct owner owner, struct str name, struct str key,
                                           const struct limits *limits, struct budget *budget) {
    struct named_table *x = calloc(1, sizeof *x + name.n);
    if (!x)
        return NULL;
    x->owner = owner;
    x->name_n = (uint32_t)name.n;
    memcpy(x->name, name.p, name.n);
    atomic_init(&x->refs, 2); /* the list's and the caller's */
    x->table = table_new(key, limits, budget);
    if (!x->table) {
        free(x);
        return NULL;
    }
    return x;
}

static enum status exists_error(struct str name, const char *what, struct error *e) {
    return error_set(e, E_TABLE_EXISTS, "there is a table \"%.*s\" already%s",
                     (int)(name.n < 60 ? name.n : 60), name.p, what);
}

/* A column may be called "", which is not the same as no key. */
static bool same_key(struct str a, struct str b) { return !a.p == !b.p && str_eq(a, b); }

enum status tables_create(struct tables *t, struct owner owner, struct str name, struct str key,
                          enum exists exists, uint64_t most, const struct limits *limits,
                          struct budget *budget, struct named_table **ret, struct error *e) {
    struct named_table *made = named_table_new(owner, name, key, limits, budget), *old = NULL,
                       *useless = made;
    enum status status = E_OK;
    pthread_mutex_lock(&t->lock);
    if (!made || !grow(t))
        status = error_set(e, E_MEMORY, "out of memory for the table");
    else
        old = *name_place(t, owner, name);
    if (old && exists == EXISTS_OPEN && same_key(table_key(old->table), key)) {
        *ret = held(old);
        old = NULL;
    } else if (old && exists != EXISTS_REPLACE) {
        status = exists_error(name, exists == EXISTS_OPEN ? ", with another key" : "", e);
        old = NULL;
    } else if (status == E_OK && !old && count_of(t, owner) >= most) {
        status = error_limit(e, E_TOO_MANY_TABLES, "tables", most, most + 1);
    } else if (status == E_OK) {
        if (old)
            take_out(t, old);
        put_in(t, made);
        *ret = made;
        useless = NULL;
    }
    pthread_mutex_unlock(&t->lock);
    named_table_unref(old);
    if (useless)
        atomic_store(&useless->refs, 1);
    named_table_unref(useless);
    return status;
}

bool tables_drop(struct tables *t, struct named_table *table) {
    pthread_mutex_lock(&t->lock);
    struct named_table *out = table->dropped ? NULL : take_out(t, table);
    pthread_mutex_unlock(&t->lock);
    named_table_unref(out);
    return out != NULL;
}

static struct named_table *take_one_of(struct tables *t, uint64_t session) {
    for (uint32_t i = 0; i < t->n_buckets; i++)
        for (struct named_table *x = t->numbers[i]; x; x = x->by_number)
            if (x->owner.is_session && x->owner.id == session)
                return take_out(t, x);
    return NULL;
}

void tables_drop_session(struct tables *t, uint64_t session) {
    struct named_table *out;
    do {
        pthread_mutex_lock(&t->lock);
        out = take_one_of(t, session);
        pthread_mutex_unlock(&t->lock);
        named_table_unref(out);
    } while (out);
}

void tables_done(struct tables *t) {
    for (uint32_t i = 0; i < t->n_buckets; i++)
        while (t->numbers[i]) {
            struct named_table *x = t->numbers[i];
            t->numbers[i] = x->by_number;
            named_table_unref(x);
        }
    free(t->names);
    free(t->numbers);
    pthread_mutex_destroy(&t->lock);
}

static int by_number(const void *a, const void *b) {
    const struct named_table *x = *(struct named_table *const *)a,
                             *y = *(struct named_table *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Whether a private table of the viewer has the name of x, which is shared. */
static bool is_hidden(struct tables *t, struct viewer v, const struct named_table *x) {
    return !x->owner.is_session &&
           *name_place(t, (struct owner){true, v.session}, named_table_name(x)) != NULL;
}

bool tables_list(struct tables *t, struct viewer v, struct named_table ***ret, uint32_t *ret_n) {
    pthread_mutex_lock(&t->lock);
    struct named_table **list = calloc((size_t)t->n + 1, sizeof(struct named_table *));
    uint32_t n = 0;
    for (uint32_t i = 0; list && i < t->n_buckets; i++)
        for (struct named_table *x = t->numbers[i]; x; x = x->by_number)
            if (sees(v, x->owner) && !is_hidden(t, v, x))
                list[n++] = held(x);
    pthread_mutex_unlock(&t->lock);
    if (!list)
        return false;
    qsort(list, n, sizeof(struct named_table *), by_number);
    *ret = list;
    *ret_n = n;
    return true;
}
