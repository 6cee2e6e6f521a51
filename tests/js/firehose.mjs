// The SDK for JavaScript's Firehose client against the server at RIACHO_ENDPOINT: prints one line of JSON with what it saw.
import {
  CreateDeliveryStreamCommand, DeleteDeliveryStreamCommand, DescribeDeliveryStreamCommand, FirehoseClient, InvalidArgumentException,
  ListDeliveryStreamsCommand, ListTagsForDeliveryStreamCommand, PutRecordBatchCommand, PutRecordCommand, ResourceNotFoundException,
  UpdateDestinationCommand,
} from "@aws-sdk/client-firehose";

const DeliveryStreamName = process.env.RIACHO_STREAM;
const firehose = new FirehoseClient({
  endpoint: process.env.RIACHO_ENDPOINT, region: "us-east-1", maxAttempts: 1, credentials: { accessKeyId: "k", secretAccessKey: "s" },
});
const send = (command) => firehose.send(command);
const caught = (command) => send(command).then(() => undefined, (error) => error);
const seen = {};

const destination = {
  RoleARN: "arn:aws:iam::000000000000:role/firehose", BucketARN: "arn:aws:s3:::files", Prefix: "js/", CompressionFormat: "GZIP",
  BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 0 },
};
const created = await send(new CreateDeliveryStreamCommand({
  DeliveryStreamName, ExtendedS3DestinationConfiguration: destination, Tags: [{ Key: "team", Value: "água" }],
}));
seen.arn = created.DeliveryStreamARN;
let description;
do {
  description = (await send(new DescribeDeliveryStreamCommand({ DeliveryStreamName }))).DeliveryStreamDescription;
} while (description.DeliveryStreamStatus !== "ACTIVE");
seen.version = description.VersionId;
seen.created = Math.abs(Date.now() - description.CreateTimestamp.getTime()) < 60_000;
seen.listed = (await send(new ListDeliveryStreamsCommand({}))).DeliveryStreamNames.includes(DeliveryStreamName);
seen.tags = (await send(new ListTagsForDeliveryStreamCommand({ DeliveryStreamName }))).Tags;

const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
const put = await send(new PutRecordCommand({ DeliveryStreamName, Record: { Data: bytes } }));
const batch = await send(new PutRecordBatchCommand({
  DeliveryStreamName, Records: Array.from({ length: 500 }, (_, i) => ({ Data: Buffer.from(`r${i}\n`) })),
}));
seen.failed = batch.FailedPutCount;
seen.ids = new Set([put.RecordId, ...batch.RequestResponses.map((entry) => entry.RecordId)]).size;

await send(new UpdateDestinationCommand({
  DeliveryStreamName, CurrentDeliveryStreamVersionId: "1", DestinationId: description.Destinations[0].DestinationId,
  ExtendedS3DestinationUpdate: { Prefix: "js2/" },
}));
await send(new PutRecordCommand({ DeliveryStreamName, Record: { Data: Buffer.from("after\n") } }));
const missing = await caught(new PutRecordCommand({ DeliveryStreamName: "missing", Record: { Data: bytes } }));
seen.missing = missing instanceof ResourceNotFoundException;
const refused = await caught(new CreateDeliveryStreamCommand({
  DeliveryStreamName: "wrong", ExtendedS3DestinationConfiguration: { ...destination, Prefix: "!{timestamp:yyyy}/" },
}));
seen.refused = refused instanceof InvalidArgumentException ? refused.message : `${refused}`;
if (process.env.RIACHO_DELETE) await send(new DeleteDeliveryStreamCommand({ DeliveryStreamName }));
console.log(JSON.stringify(seen));
