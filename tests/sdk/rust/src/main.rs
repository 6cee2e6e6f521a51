//! A tour through Kinesis with the AWS SDK for Rust: tour URL STREAM. Prints its observations as one JSON object.

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types::{
    ConsumerStatus, PutRecordsRequestEntry, Record, ShardIteratorType, StartingPosition, StreamStatus,
    SubscribeToShardEventStream,
};
use aws_sdk_kinesis::Client;
use base64::prelude::{Engine, BASE64_STANDARD};
use serde_json::{json, Value};
use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn blob(size: usize) -> Blob {
    Blob::new((0..size).map(|i| (i * 31 + size) as u8).collect::<Vec<u8>>())
}

/// Rounded: the SDK reads times as binary fractions of a second, which are often slightly below the millisecond.
fn milliseconds(time: &DateTime) -> i64 {
    ((time.as_nanos() + 500_000) / 1_000_000) as i64
}

fn describe(record: &Record) -> Value {
    json!({
        "number": record.sequence_number(),
        "key": record.partition_key(),
        "data": BASE64_STANDARD.encode(record.data()),
        "arrived_ms": milliseconds(record.approximate_arrival_timestamp().unwrap()),
    })
}

/// The type of an error is the name of its variant, as in `ResourceInUseException(ResourceInUseException { .. })`.
fn failed<T: Debug, E: Debug + ProvideErrorMetadata>(outcome: std::result::Result<T, SdkError<E>>) -> Value {
    let failure = outcome.expect_err("this call has to fail");
    let SdkError::ServiceError(context) = failure else { panic!("not an error of the service: {failure:?}") };
    let error = context.err();
    json!({
        "type": format!("{error:?}").split('(').next(),
        "code": error.code(),
        "message": error.message(),
        "status": context.raw().status().as_u16(),
    })
}

async fn create(kinesis: &Client, stream: &str, seen: &mut Value) -> Result<String> {
    kinesis.create_stream().stream_name(stream).shard_count(2).send().await?;
    loop {
        let reply = kinesis.describe_stream_summary().stream_name(stream).send().await?;
        let summary = reply.stream_description_summary().unwrap();
        if *summary.stream_status() == StreamStatus::Active {
            seen["arn"] = summary.stream_arn().into();
            seen["created_ms"] = milliseconds(summary.stream_creation_timestamp()).into();
            return Ok(summary.stream_arn().to_string());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn put(kinesis: &Client, stream: &str, seen: &mut Value) -> Result<()> {
    let put = kinesis.put_record().stream_name(stream).partition_key("first").explicit_hash_key("0");
    let mut numbers = vec![put.data(blob(256)).send().await?.sequence_number().to_string()];
    let mut batch = kinesis.put_records().stream_name(stream);
    for size in [0, 1, 256, 1_000_000] {
        let key = format!("ação-{size}");
        batch = batch.records(PutRecordsRequestEntry::builder().partition_key(key).data(blob(size)).build()?);
    }
    let reply = batch.send().await?;
    numbers.extend(reply.records().iter().map(|entry| entry.sequence_number().unwrap().to_string()));
    seen["failed"] = reply.failed_record_count().into();
    seen["put"] = numbers.into();
    Ok(())
}

async fn read(kinesis: &Client, stream: &str, seen: &mut Value) -> Result<()> {
    let mut records = vec![];
    for shard in kinesis.list_shards().stream_name(stream).send().await?.shards() {
        let first = kinesis.get_shard_iterator().stream_name(stream).shard_id(shard.shard_id());
        let first = first.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await?;
        let mut position = first.shard_iterator().map(String::from);
        while position.is_some() {
            let reply = kinesis.get_records().set_shard_iterator(position).limit(2).send().await?;
            records.extend(reply.records().iter().map(describe));
            if reply.records().is_empty() && reply.millis_behind_latest() == Some(0) {
                break;
            }
            position = reply.next_shard_iterator().map(String::from);
        }
    }
    seen["read"] = records.into();
    Ok(())
}

async fn fail(kinesis: &Client, stream: &str, seen: &mut Value) {
    let missing = format!("{stream}-missing");
    seen["errors"] = json!({
        "missing": failed(kinesis.describe_stream_summary().stream_name(missing).send().await),
        "taken": failed(kinesis.create_stream().stream_name(stream).shard_count(1).send().await),
        "iterator": failed(kinesis.get_records().shard_iterator("garbage").send().await),
        "invalid": failed(kinesis.create_stream().stream_name("no spaces").shard_count(1).send().await),
    });
}

async fn consumer(kinesis: &Client, arn: &str) -> Result<String> {
    let registered = kinesis.register_stream_consumer().stream_arn(arn).consumer_name("tour").send().await?;
    let arn = registered.consumer().unwrap().consumer_arn().to_string();
    loop {
        let reply = kinesis.describe_stream_consumer().consumer_arn(&arn).send().await?;
        if *reply.consumer_description().unwrap().consumer_status() == ConsumerStatus::Active {
            return Ok(arn);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Subscribes to the first shard, writes to it, and splits it: the subscription ends with its children.
async fn subscribe(kinesis: &Client, stream: &str, arn: &str, seen: &mut Value) -> Result<()> {
    let shard = "shardId-000000000000";
    let beginning = StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build()?;
    let subscription = kinesis.subscribe_to_shard().consumer_arn(consumer(kinesis, arn).await?).shard_id(shard);
    let mut events = subscription.starting_position(beginning).send().await?.event_stream;
    let (mut records, mut children, mut live, mut split) = (vec![], vec![], false, false);
    while let Some(received) = events.recv().await? {
        let SubscribeToShardEventStream::SubscribeToShardEvent(event) = received else { panic!("{received:?}") };
        records.extend(event.records().iter().map(describe));
        if !live && event.millis_behind_latest() == 0 {
            live = true;
            let put = kinesis.put_record().stream_name(stream).partition_key("live").explicit_hash_key("1");
            put.data(blob(256)).send().await?;
        } else if !split && records.last().is_some_and(|record| record["key"] == "live") {
            split = true;
            kinesis
                .split_shard()
                .stream_name(stream)
                .shard_to_split(shard)
                .new_starting_hash_key("1000")
                .send()
                .await?;
        }
        children.extend(event.child_shards().iter().map(|child| child.shard_id().to_string()));
    }
    seen["pushed"] = records.into();
    seen["children"] = children.into();
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let (url, stream) = (&arguments[1], &arguments[2]);
    let shared = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let kinesis = Client::from_conf(aws_sdk_kinesis::config::Builder::from(&shared).endpoint_url(url).build());
    let mut seen = json!({});
    let arn = create(&kinesis, stream, &mut seen).await?;
    put(&kinesis, stream, &mut seen).await?;
    read(&kinesis, stream, &mut seen).await?;
    fail(&kinesis, stream, &mut seen).await;
    subscribe(&kinesis, stream, &arn, &mut seen).await?;
    println!("{seen}");
    Ok(())
}
