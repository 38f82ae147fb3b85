//! Rust over the list of dicts by PyO3: a generic loop over terms, and a loop a query.
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

/// What a term compares with, made once a query.
enum Test {
    Equal(Py<PyAny>),
    Greater(f64),
    Between(f64, f64),
    In(Vec<String>),
    Starts(String),
    Contains(Py<PyAny>),
}

struct Term {
    steps: Vec<Py<PyString>>,
    test: Test,
}

fn term(path: &str, op: &str, constant: &Bound<'_, PyAny>, py: Python<'_>) -> PyResult<Term> {
    let test = match op {
        "=" => Test::Equal(constant.clone().unbind()),
        ">" => Test::Greater(constant.extract()?),
        ">=" => Test::Between(constant.extract()?, f64::INFINITY),
        "between" => {
            let (low, high) = constant.extract()?;
            Test::Between(low, high)
        }
        "in" => Test::In(constant.try_iter()?.map(|c| c?.extract()).collect::<PyResult<_>>()?),
        "starts" => Test::Starts(constant.extract()?),
        "contains" => Test::Contains(constant.clone().unbind()),
        _ => return Err(pyo3::exceptions::PyValueError::new_err("unknown operator")),
    };
    let steps = path.split('.').map(|s| PyString::intern(py, s).unbind()).collect();
    Ok(Term { steps, test })
}

fn text<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    value.cast::<PyString>()?.to_str()
}

fn passes(value: &Bound<'_, PyAny>, test: &Test) -> PyResult<bool> {
    let py = value.py();
    match test {
        Test::Equal(constant) => value.eq(constant.bind(py)),
        Test::Greater(least) => Ok(value.extract::<f64>()? > *least),
        Test::Between(low, high) => {
            let number: f64 = value.extract()?;
            Ok(number >= *low && number <= *high)
        }
        Test::In(options) => Ok(options.iter().any(|o| text(value).is_ok_and(|v| v == o))),
        Test::Starts(start) => Ok(text(value)?.starts_with(start.as_str())),
        Test::Contains(part) => value.contains(part.bind(py)),
    }
}

fn keeps(row: &Bound<'_, PyAny>, terms: &[Term]) -> PyResult<bool> {
    for term in terms {
        let mut value = row.clone();
        for step in &term.steps {
            match value.cast::<PyDict>()?.get_item(step.bind(row.py()))? {
                Some(inner) => value = inner,
                None => return Ok(false),
            }
        }
        if value.is_none() || !passes(&value, &term.test)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Terms are path, operator, constant, as in harness/queries.py.
#[pyfunction]
fn generic<'py>(
    rows: &Bound<'py, PyList>,
    terms: Vec<(String, String, Bound<'py, PyAny>)>,
) -> PyResult<Bound<'py, PyList>> {
    let py = rows.py();
    let terms: Vec<Term> =
        terms.iter().map(|(p, o, c)| term(p, o, c, py)).collect::<PyResult<_>>()?;
    kept(rows, |row| keeps(row.as_any(), &terms))
}

fn kept<'py>(
    rows: &Bound<'py, PyList>,
    keep: impl Fn(&Bound<'py, PyDict>) -> PyResult<bool>,
) -> PyResult<Bound<'py, PyList>> {
    let found = PyList::empty(rows.py());
    for row in rows.iter() {
        let row = row.cast_into::<PyDict>()?;
        if keep(&row)? {
            found.append(row)?;
        }
    }
    Ok(found)
}

fn get<'py>(row: &Bound<'py, PyDict>, key: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    row.get_item(key)?.ok_or_else(|| pyo3::exceptions::PyKeyError::new_err(key.clone().unbind()))
}

fn age(row: &Bound<'_, PyDict>) -> PyResult<i64> {
    get(row, intern!(row.py(), "age"))?.extract()
}

#[pyfunction]
fn keep_q1<'py>(rows: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    kept(rows, |row| Ok(age(row)? >= 30))
}

#[pyfunction]
fn keep_q2<'py>(rows: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    kept(rows, |row| {
        Ok(age(row)? >= 30 && text(&get(row, intern!(row.py(), "city"))?)? == "Oslo")
    })
}

#[pyfunction]
fn keep_q3<'py>(rows: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    kept(rows, |row| {
        let py = row.py();
        if !(25..=60).contains(&age(row)?) {
            return Ok(false);
        }
        let city = get(row, intern!(py, "city"))?;
        if !matches!(text(&city)?, "Oslo" | "Bergen" | "Paris" | "Lima" | "Turin") {
            return Ok(false);
        }
        if !get(row, intern!(py, "active"))?.extract::<bool>()? {
            return Ok(false);
        }
        let score: Option<f64> = get(row, intern!(py, "score"))?.extract()?;
        if !score.is_some_and(|s| s > 0.5) {
            return Ok(false);
        }
        Ok(text(&get(row, intern!(py, "name"))?)?.starts_with('A'))
    })
}

#[pyfunction]
fn keep_q4s<'py>(rows: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    kept(rows, |row| Ok(text(&get(row, intern!(row.py(), "name"))?)?.contains("ansen")))
}

#[pyfunction]
fn keep_q5<'py>(rows: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    kept(rows, |row| {
        let py = row.py();
        let address = get(row, intern!(py, "address"))?.cast_into::<PyDict>()?;
        if text(&get(&address, intern!(py, "city"))?)? != "Oslo" {
            return Ok(false);
        }
        let tags = get(row, intern!(py, "tags"))?.cast_into::<PyList>()?;
        for tag in tags.iter() {
            if text(&tag)? == "vip" {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

#[pymodule]
fn dicts_pyo3(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(generic, module)?)?;
    module.add_function(wrap_pyfunction!(keep_q1, module)?)?;
    module.add_function(wrap_pyfunction!(keep_q2, module)?)?;
    module.add_function(wrap_pyfunction!(keep_q3, module)?)?;
    module.add_function(wrap_pyfunction!(keep_q4s, module)?)?;
    module.add_function(wrap_pyfunction!(keep_q5, module)?)?;
    Ok(())
}
