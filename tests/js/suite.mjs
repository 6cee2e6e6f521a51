// Tests the SDK for JavaScript against the server at RIACHO_ENDPOINT; prints its observations as one line of JSON.
import {
  CreateStreamCommand, DeleteStreamCommand, DescribeStreamConsumerCommand, DescribeStreamSummaryCommand, GetRecordsCommand,
  GetShardIteratorCommand, KinesisClient, ListShardsCommand, ListStreamsCommand, PutRecordCommand, PutRecordsCommand,
  RegisterStreamConsumerCommand, ResourceNotFoundException, SplitShardCommand, SubscribeToShardCommand, waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const StreamName = process.env.RIACHO_STREAM;
const kinesis = new KinesisClient({
  endpoint: process.env.RIACHO_ENDPOINT, region: "us-east-1", maxAttempts: 1,
  credentials: { accessKeyId: process.env.RIACHO_KEY ?? "k", secretAccessKey: process.env.RIACHO_SECRET ?? "s" },
  ...(process.env.RIACHO_HTTP1 ? { requestHandler: new NodeHttpHandler() } : {}),
});
const send = (command) => kinesis.send(command);
const seen = {};

await send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
await waitUntilStreamExists({ client: kinesis, maxWaitTime: 30, minDelay: 1 }, { StreamName });
const { StreamDescriptionSummary: { StreamARN } } = await send(new DescribeStreamSummaryCommand({ StreamName }));

const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
const put = await send(new PutRecordCommand({ StreamName, Data: bytes, PartitionKey: "ção" }));
const batch = await send(new PutRecordsCommand({
  StreamName, Records: Array.from({ length: 500 }, (_, i) => ({ Data: Buffer.from(`r${i}`), PartitionKey: `${i}` })),
}));
seen.failed = batch.FailedRecordCount;
const { ShardIterator } = await send(new GetShardIteratorCommand({ StreamName, ShardId: put.ShardId, ShardIteratorType: "TRIM_HORIZON" }));
const { Records } = await send(new GetRecordsCommand({ ShardIterator }));
seen.records = Records.length;
seen.bytes = Buffer.from(Records[0].Data).equals(Buffer.from(bytes));
seen.key = Records[0].PartitionKey;
seen.age = Math.abs(Date.now() - Records[0].ApproximateArrivalTimestamp.getTime()) < 60_000;

try {
  await send(new DescribeStreamSummaryCommand({ StreamName: "missing" }));
} catch (error) {
  seen.error = error instanceof ResourceNotFoundException ? error.name : `${error}`;
}
// HTTP/2: a connection and a session for each request, one after the other.
const sequential = Number(process.env.RIACHO_SEQUENTIAL);
for (let i = 0; i < sequential; i++) await send(new ListStreamsCommand({}));
seen.sequential = sequential;
seen.listed = (await send(new ListStreamsCommand({}))).StreamNames.includes(StreamName);
const listings = await Promise.all(Array.from({ length: 50 }, () => send(new ListShardsCommand({ StreamName }))));
seen.listings = listings.filter(({ Shards }) => Shards.length === 1 && Shards[0].ShardId === put.ShardId).length;

if (!process.env.RIACHO_HTTP1) {
  const { Consumer: { ConsumerARN } } = await send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "js" }));
  while ((await send(new DescribeStreamConsumerCommand({ ConsumerARN }))).ConsumerDescription.ConsumerStatus !== "ACTIVE");
  const { EventStream } = await send(new SubscribeToShardCommand({
    ConsumerARN, ShardId: put.ShardId, StartingPosition: { Type: "TRIM_HORIZON" },
  }));
  let pushed = 0;
  let live = false;
  for await (const { SubscribeToShardEvent: event } of EventStream) {
    pushed += event.Records.length;
    if (!live && pushed >= 501) {
      live = true;
      await send(new PutRecordCommand({ StreamName, Data: Buffer.from("live"), PartitionKey: "k" }));
      await send(new SplitShardCommand({ StreamName, ShardToSplit: put.ShardId, NewStartingHashKey: (1n << 127n).toString() }));
    }
    if (event.ChildShards?.length) seen.children = event.ChildShards.map((shard) => shard.ShardId);
  }
  seen.pushed = pushed;
}
await send(new DeleteStreamCommand({ StreamName, EnforceConsumerDeletion: true }));
kinesis.destroy();
console.log(JSON.stringify(seen));
