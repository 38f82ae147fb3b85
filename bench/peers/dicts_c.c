/* C that walks the list of dicts by Python's C API, one function a query, called with the
 * interpreter's lock held (ctypes.PyDLL): the bound for rows that are Python's objects. It knows
 * the types that the fields have, compares strings of one kind byte by byte, and leaves everything
 * else to Python.
 */
#include <Python.h>
#include <string.h>

enum { Q3_CITIES = 5 };

typedef int row_keep(PyObject *row);

static PyObject *key_age, *key_city, *key_active, *key_score, *key_name, *key_address, *key_tags;
static PyObject *oslo, *vip, *ansen, *q3_cities[Q3_CITIES];

static inline PyObject *get(PyObject *row, PyObject *key) {
    return PyDict_GetItemWithError(row, key);
}

static inline long small_int(PyObject *value) { return value ? PyLong_AsLong(value) : -1; }

static inline int same(PyObject *a, PyObject *b) {
    if (a == b)
        return 1;
    if (!a || PyUnicode_GET_LENGTH(a) != PyUnicode_GET_LENGTH(b) ||
        PyUnicode_KIND(a) != PyUnicode_KIND(b))
        return 0;
    size_t bytes = (size_t)PyUnicode_GET_LENGTH(a) * (size_t)PyUnicode_KIND(a);
    return memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b), bytes) == 0;
}

static int q1(PyObject *row) { return small_int(get(row, key_age)) >= 30; }

static int q2(PyObject *row) {
    return small_int(get(row, key_age)) >= 30 && same(get(row, key_city), oslo);
}

static int q3(PyObject *row) {
    long age = small_int(get(row, key_age));
    if (age < 25 || age > 60)
        return 0;
    PyObject *city = get(row, key_city);
    int in = 0;
    for (int i = 0; i < Q3_CITIES && !in; i++)
        in = same(city, q3_cities[i]);
    if (!in || get(row, key_active) != Py_True)
        return 0;
    PyObject *score = get(row, key_score), *name;
    if (!score || !PyFloat_Check(score) || !(PyFloat_AS_DOUBLE(score) > 0.5))
        return 0;
    name = get(row, key_name);
    return name && PyUnicode_GET_LENGTH(name) > 0 && PyUnicode_READ_CHAR(name, 0) == 'A';
}

static int q4s(PyObject *row) {
    PyObject *name = get(row, key_name);
    if (!name)
        return 0;
    if (!PyUnicode_IS_COMPACT_ASCII(name))
        return PyUnicode_Contains(name, ansen) == 1;
    const void *bytes = PyUnicode_DATA(name);
    return memmem(bytes, (size_t)PyUnicode_GET_LENGTH(name), "ansen", 5) != NULL;
}

static int q5(PyObject *row) {
    PyObject *address = get(row, key_address);
    if (!address || !same(get(address, key_city), oslo))
        return 0;
    PyObject *tags = get(row, key_tags);
    for (Py_ssize_t i = 0; tags && i < PyList_GET_SIZE(tags); i++)
        if (same(PyList_GET_ITEM(tags, i), vip))
            return 1;
    return 0;
}

static PyObject *kept(PyObject *rows, row_keep *keep) {
    PyObject *found = PyList_New(0);
    for (Py_ssize_t i = 0; found && i < PyList_GET_SIZE(rows); i++) {
        PyObject *row = PyList_GET_ITEM(rows, i);
        if (keep(row) && PyList_Append(found, row) < 0)
            Py_CLEAR(found);
    }
    return found;
}

PyObject *keep_q1(PyObject *rows) { return kept(rows, q1); }
PyObject *keep_q2(PyObject *rows) { return kept(rows, q2); }
PyObject *keep_q3(PyObject *rows) { return kept(rows, q3); }
PyObject *keep_q4s(PyObject *rows) { return kept(rows, q4s); }
PyObject *keep_q5(PyObject *rows) { return kept(rows, q5); }

/* Interns the keys and makes the constants, once; 0, or -1 with a Python error set. */
int keep_init(void) {
    static const char *const cities[Q3_CITIES] = {"Oslo", "Bergen", "Paris", "Lima", "Turin"};
    for (int i = 0; i < Q3_CITIES; i++)
        if (!(q3_cities[i] = PyUnicode_InternFromString(cities[i])))
            return -1;
    key_age = PyUnicode_InternFromString("age");
    key_city = PyUnicode_InternFromString("city");
    key_active = PyUnicode_InternFromString("active");
    key_score = PyUnicode_InternFromString("score");
    key_name = PyUnicode_InternFromString("name");
    key_address = PyUnicode_InternFromString("address");
    key_tags = PyUnicode_InternFromString("tags");
    oslo = PyUnicode_InternFromString("Oslo");
    vip = PyUnicode_InternFromString("vip");
    ansen = PyUnicode_InternFromString("ansen");
    return PyErr_Occurred() ? -1 : 0;
}
