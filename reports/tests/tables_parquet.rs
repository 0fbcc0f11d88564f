//! `hourly.parquet` read back: the same rows as `hourly.csv`, the same bytes every time, parts that add up.

mod sample;

use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use logstat_reports::model::Report;
use logstat_reports::{csv, hours, parquet};
use polars::prelude::{DataFrame, DataType, ParquetReader, SerReader, Series, TimeUnit, TimeZone};
use polars_arrow::datatypes::ArrowDataType;
use polars_arrow::io::ipc::read::deserialize_schema;

fn read(report: &Report) -> DataFrame {
    let bytes = parquet::hourly(report).expect("the table can be encoded");
    ParquetReader::new(Cursor::new(bytes)).finish().expect("the file can be read")
}

#[test]
fn same_rows_same_bytes() {
    let [first, again] = [(); 2].map(|()| parquet::hourly(&sample::day()).expect("the table can be encoded"));
    assert!(first == again, "two runs differ");
    assert_eq!(&first[..4], b"PAR1");
}

#[test]
fn its_arrow_schema_has_no_views_which_pandas_cannot_read() {
    let bytes = parquet::hourly(&sample::day()).expect("the table can be encoded");
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let metadata = reader.get_metadata().expect("a footer").key_value_metadata().clone().expect("metadata");
    let [schema] = metadata.as_slice() else { panic!("one key, not {metadata:?}") };
    assert_eq!(schema.key, "ARROW:schema");
    let message = BASE64_STANDARD.decode(schema.value.as_ref().expect("a value")).expect("base64");
    // Eight bytes of mark and length go before it; polars' reader would turn texts back into views.
    let schema = deserialize_schema(&message[8..]).expect("an Arrow schema").0;
    let dtype = |name: &str| schema.get(name).map(|field| field.dtype.clone()).expect("a column");
    assert_eq!(dtype("source"), ArrowDataType::LargeUtf8);
    assert_eq!(dtype("clients_sketch"), ArrowDataType::LargeBinary);
    for name in ["cache_state", "termination"] {
        let ArrowDataType::LargeList(item) = dtype(name) else { panic!("{name} is no list") };
        assert_eq!(item.dtype, ArrowDataType::LargeUtf8, "{name}");
    }
}

#[test]
fn columns_begin_with_those_of_the_csv() {
    let report = sample::day();
    let table = read(&report);
    let hourly = String::from_utf8(csv::hourly(&report)).expect("CSV is UTF-8");
    let names: Vec<&str> = hourly.lines().next().expect("a row of names").split(',').collect();
    assert_eq!(table.height(), report.hours.len());
    let columns: Vec<&str> = table.get_column_names().iter().map(|name| name.as_str()).collect();
    assert_eq!(columns[..names.len()], names);
    let hour = table.column("hour").expect("a column of hours");
    assert_eq!(*hour.dtype(), DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)));
}

#[test]
fn values_survive() {
    let report = sample::day();
    let table = read(&report);
    for (at, row) in report.hours.iter().enumerate() {
        let cell =
            |name: &str| table.column(name).and_then(|column| column.get(at)).expect("a cell").into_static();
        assert_eq!(
            cell("hour").try_extract::<i64>().ok(),
            Some(row.hour * 1_000_000),
            "{}",
            hours::rfc3339(row.hour)
        );
        assert_eq!(cell("source").get_str(), Some(row.group.source.as_str()));
        assert_eq!(cell("site").get_str(), row.group.site.as_deref());
        assert_eq!(cell("requests").try_extract::<u64>().ok(), Some(row.figures.requests));
        assert_eq!(cell("retries").try_extract::<u64>().ok(), row.figures.retries);
        assert_eq!(cell("latency_p95_ms").try_extract::<f64>().ok(), row.figures.latency.p95_ms);
        assert_eq!(cell("latency_sum_us").try_extract::<u64>().ok(), Some(row.figures.latency.sum_us));
    }
}

/// The lists of a column, row by row.
fn lists(table: &DataFrame, name: &str) -> Vec<Series> {
    let column = table.column(name).expect("a column of lists");
    let lists = column.list().expect("a column of lists");
    (0..column.len()).map(|at| lists.get_as_series(at).expect("a list in each row")).collect()
}

#[test]
fn lists_are_parallel_and_add_up() {
    let report = sample::day();
    let table = read(&report);
    let sums =
        |name: &str| -> Vec<Option<i64>> { lists(&table, name).iter().map(|l| l.sum().ok()).collect() };
    let requests: Vec<Option<i64>> =
        report.hours.iter().map(|row| Some(row.figures.requests as i64)).collect();
    assert_eq!(sums("latency_count"), requests);
    assert_eq!(sums("second_count"), requests);
    for (keys, counts) in [
        ("latency_bucket", "latency_count"),
        ("queue_bucket", "queue_count"),
        ("status_code", "status_count"),
        ("second", "second_count"),
        ("cache_state", "cache_count"),
        ("termination", "termination_count"),
    ] {
        let lengths =
            |name: &str| -> Vec<usize> { lists(&table, name).iter().map(|list| list.len()).collect() };
        assert_eq!(lengths(keys), lengths(counts), "{keys} and {counts}");
    }
}

#[test]
fn no_hours_make_an_empty_table() {
    let table = read(&sample::nothing());
    assert_eq!(table.height(), 0);
    assert!(table.column("clients_sketch").is_ok());
}
