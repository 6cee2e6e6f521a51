package riacho;

import com.amazonaws.auth.EnvironmentVariableCredentialsProvider;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.kinesis.AmazonKinesis;
import com.amazonaws.services.kinesis.AmazonKinesisClientBuilder;
import com.amazonaws.services.kinesis.model.*;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A tour through Kinesis with version 1 of the SDK: Tour URL STREAM. Prints its observations as one JSON object. */
public final class Tour {
    private static final int[] SIZES = {0, 1, 256, 1_000_000};

    private final AmazonKinesis kinesis;
    private final String stream;
    private final Map<String, Object> seen = new LinkedHashMap<>();

    private Tour(AmazonKinesis kinesis, String stream) {
        this.kinesis = kinesis;
        this.stream = stream;
    }

    public static void main(String[] arguments) throws Exception {
        AmazonKinesis kinesis = AmazonKinesisClientBuilder.standard()
                .withEndpointConfiguration(new EndpointConfiguration(arguments[0], System.getenv("AWS_REGION")))
                .withCredentials(new EnvironmentVariableCredentialsProvider()).build();
        Tour tour = new Tour(kinesis, arguments[1]);
        tour.create();
        tour.put();
        tour.read();
        tour.fail();
        tour.seen.put("times", error(tour::readFromTimes));
        System.out.println(new ObjectMapper().writeValueAsString(tour.seen));
        System.exit(0);
    }

    private void create() throws InterruptedException {
        kinesis.createStream(new CreateStreamRequest().withStreamName(stream).withShardCount(2));
        StreamDescription description;
        do {
            Thread.sleep(20);
            description = kinesis.describeStream(stream).getStreamDescription();
        } while (!description.getStreamStatus().equals("ACTIVE"));
        seen.put("arn", description.getStreamARN());
        seen.put("created_ms", description.getStreamCreationTimestamp().getTime());
    }

    private static ByteBuffer blob(int size) {
        byte[] bytes = new byte[size];
        for (int i = 0; i < size; i++) {
            bytes[i] = (byte) (i * 31 + size);
        }
        return ByteBuffer.wrap(bytes);
    }

    private void put() {
        List<String> numbers = new ArrayList<>();
        numbers.add(kinesis.putRecord(new PutRecordRequest().withStreamName(stream).withPartitionKey("first").withExplicitHashKey("0")
                .withData(blob(256))).getSequenceNumber());
        List<PutRecordsRequestEntry> entries = new ArrayList<>();
        for (int size : SIZES) {
            entries.add(new PutRecordsRequestEntry().withPartitionKey("ação-" + size).withData(blob(size)));
        }
        PutRecordsResult reply = kinesis.putRecords(new PutRecordsRequest().withStreamName(stream).withRecords(entries));
        reply.getRecords().forEach(entry -> numbers.add(entry.getSequenceNumber()));
        seen.put("failed", reply.getFailedRecordCount());
        seen.put("put", numbers);
    }

    private List<Map<String, Object>> readShard(GetShardIteratorRequest start) {
        List<Map<String, Object>> records = new ArrayList<>();
        String position = kinesis.getShardIterator(start).getShardIterator();
        while (true) {
            GetRecordsResult reply = kinesis.getRecords(new GetRecordsRequest().withShardIterator(position).withLimit(2));
            reply.getRecords().forEach(record -> records.add(describe(record)));
            if (reply.getRecords().isEmpty() && reply.getMillisBehindLatest() == 0) {
                return records;
            }
            position = reply.getNextShardIterator();
        }
    }

    private void read() {
        List<Map<String, Object>> records = new ArrayList<>();
        for (Shard shard : kinesis.listShards(new ListShardsRequest().withStreamName(stream)).getShards()) {
            records.addAll(readShard(new GetShardIteratorRequest().withStreamName(stream).withShardId(shard.getShardId())
                    .withShardIteratorType(ShardIteratorType.TRIM_HORIZON)));
        }
        seen.put("read", records);
    }

    /** Reads from the first record's time on, and from a millisecond after the last record's; reports missing and extra records. */
    private void readFromTimes() {
        GetShardIteratorRequest start = new GetShardIteratorRequest().withStreamName(stream).withShardId("shardId-000000000000")
                .withShardIteratorType(ShardIteratorType.TRIM_HORIZON);
        List<Map<String, Object>> records = readShard(start);
        long first = (long) records.get(0).get("arrived_ms");
        long last = (long) records.get(records.size() - 1).get("arrived_ms");
        while (System.currentTimeMillis() <= last + 1) {
            Thread.onSpinWait();
        }
        start.withShardIteratorType(ShardIteratorType.AT_TIMESTAMP);
        seen.put("missing_from_first", records.size() - readShard(start.withTimestamp(new Date(first))).size());
        seen.put("after_last", readShard(start.withTimestamp(new Date(last + 1))).size());
    }

    private static Map<String, Object> describe(com.amazonaws.services.kinesis.model.Record record) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("number", record.getSequenceNumber());
        fields.put("key", record.getPartitionKey());
        fields.put("data", Base64.getEncoder().encodeToString(record.getData().array()));
        fields.put("arrived_ms", record.getApproximateArrivalTimestamp().getTime());
        return fields;
    }

    private void fail() {
        Map<String, Object> errors = new LinkedHashMap<>();
        errors.put("missing", error(() -> kinesis.describeStream(stream + "-missing")));
        errors.put("taken", error(() -> kinesis.createStream(stream, 1)));
        errors.put("iterator", error(() -> kinesis.getRecords(new GetRecordsRequest().withShardIterator("garbage"))));
        errors.put("invalid", error(() -> kinesis.createStream("no spaces", 1)));
        seen.put("errors", errors);
    }

    /** This version has exception classes only for some errors. */
    private static Map<String, Object> error(Runnable call) {
        try {
            call.run();
            return null;
        } catch (AmazonKinesisException failure) {
            boolean known = failure.getClass() != AmazonKinesisException.class;
            return Map.of("type", known ? failure.getClass().getSimpleName() : failure.getErrorCode(), "code", failure.getErrorCode(),
                    "message", failure.getErrorMessage(), "status", failure.getStatusCode());
        }
    }
}
