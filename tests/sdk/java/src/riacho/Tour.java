package riacho;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.*;

/** A tour through Kinesis: Tour apache|url-connection|async URL STREAM. Prints its observations as one JSON object. */
public final class Tour {
    private static final int[] SIZES = {0, 1, 256, 1_000_000};

    private final Kinesis kinesis;
    private final String stream;
    private final Map<String, Object> seen = new LinkedHashMap<>();

    private Tour(Kinesis kinesis, String stream) {
        this.kinesis = kinesis;
        this.stream = stream;
    }

    public static void main(String[] arguments) throws Exception {
        Tour tour = new Tour(Kinesis.connect(arguments[0], arguments[1]), arguments[2]);
        tour.create();
        tour.put();
        tour.read();
        tour.fail();
        if (tour.kinesis.subscriber() != null) {
            tour.subscribe(tour.kinesis.subscriber());
        }
        tour.seen.put("media", tour.kinesis.media());
        System.out.println(new ObjectMapper().writeValueAsString(tour.seen));
        System.exit(0);
    }

    private void create() throws InterruptedException {
        kinesis.create(CreateStreamRequest.builder().streamName(stream).shardCount(2).build());
        StreamDescriptionSummary summary = waitActive();
        seen.put("arn", summary.streamARN());
        seen.put("created_ms", summary.streamCreationTimestamp().toEpochMilli());
    }

    private StreamDescriptionSummary waitActive() throws InterruptedException {
        while (true) {
            StreamDescriptionSummary summary =
                    kinesis.describe(DescribeStreamSummaryRequest.builder().streamName(stream).build()).streamDescriptionSummary();
            if (summary.streamStatus() == StreamStatus.ACTIVE) {
                return summary;
            }
            Thread.sleep(20);
        }
    }

    private static SdkBytes blob(int size) {
        byte[] bytes = new byte[size];
        for (int i = 0; i < size; i++) {
            bytes[i] = (byte) (i * 31 + size);
        }
        return SdkBytes.fromByteArray(bytes);
    }

    private void put() {
        List<String> numbers = new ArrayList<>();
        numbers.add(kinesis.put(PutRecordRequest.builder().streamName(stream).partitionKey("first").explicitHashKey("0")
                .data(blob(256)).build()).sequenceNumber());
        List<PutRecordsRequestEntry> entries = new ArrayList<>();
        for (int size : SIZES) {
            entries.add(PutRecordsRequestEntry.builder().partitionKey("ação-" + size).data(blob(size)).build());
        }
        PutRecordsResponse reply = kinesis.put(PutRecordsRequest.builder().streamName(stream).records(entries).build());
        reply.records().forEach(entry -> numbers.add(entry.sequenceNumber()));
        seen.put("failed", reply.failedRecordCount());
        seen.put("put", numbers);
    }

    private void read() {
        List<Map<String, Object>> records = new ArrayList<>();
        for (Shard shard : kinesis.shards(ListShardsRequest.builder().streamName(stream).build()).shards()) {
            String position = kinesis.iterator(GetShardIteratorRequest.builder().streamName(stream).shardId(shard.shardId())
                    .shardIteratorType(ShardIteratorType.TRIM_HORIZON).build()).shardIterator();
            while (true) {
                GetRecordsResponse reply = kinesis.read(GetRecordsRequest.builder().shardIterator(position).limit(2).build());
                reply.records().forEach(record -> records.add(describe(record)));
                if (reply.records().isEmpty() && reply.millisBehindLatest() == 0) {
                    break;
                }
                position = reply.nextShardIterator();
            }
        }
        seen.put("read", records);
    }

    private static Map<String, Object> describe(software.amazon.awssdk.services.kinesis.model.Record record) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("number", record.sequenceNumber());
        fields.put("key", record.partitionKey());
        fields.put("data", Base64.getEncoder().encodeToString(record.data().asByteArray()));
        fields.put("arrived_ms", record.approximateArrivalTimestamp().toEpochMilli());
        return fields;
    }

    private void fail() {
        Map<String, Object> errors = new LinkedHashMap<>();
        errors.put("missing", error(() -> kinesis.describe(
                DescribeStreamSummaryRequest.builder().streamName(stream + "-missing").build())));
        errors.put("taken", error(() -> kinesis.create(CreateStreamRequest.builder().streamName(stream).shardCount(1).build())));
        errors.put("iterator", error(() -> kinesis.read(GetRecordsRequest.builder().shardIterator("garbage").build())));
        errors.put("invalid", error(() -> kinesis.create(CreateStreamRequest.builder().streamName("no spaces").shardCount(1).build())));
        seen.put("errors", errors);
    }

    private static Map<String, Object> error(Runnable call) {
        try {
            call.run();
            return null;
        } catch (KinesisException failure) {
            return Map.of("type", failure.getClass().getSimpleName(), "code", failure.awsErrorDetails().errorCode(),
                    "message", failure.awsErrorDetails().errorMessage(), "status", failure.statusCode());
        }
    }

    /** Subscribes to the first shard, writes to it, and splits it: the subscription ends with its children. */
    private void subscribe(KinesisAsyncClient client) throws Exception {
        String arn = (String) seen.get("arn");
        String consumer = client.registerStreamConsumer(r -> r.streamARN(arn).consumerName("tour")).join().consumer().consumerARN();
        while (client.describeStreamConsumer(r -> r.consumerARN(consumer)).join().consumerDescription().consumerStatus()
                != ConsumerStatus.ACTIVE) {
            Thread.sleep(20);
        }
        LinkedBlockingQueue<SubscribeToShardEvent> events = new LinkedBlockingQueue<>();
        SubscribeToShardResponseHandler handler = SubscribeToShardResponseHandler.builder()
                .subscriber(SubscribeToShardResponseHandler.Visitor.builder().onSubscribeToShardEvent(events::add).build()).build();
        var ended = client.subscribeToShard(r -> r.consumerARN(consumer).shardId("shardId-000000000000")
                .startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)), handler);
        List<Map<String, Object>> records = new ArrayList<>();
        boolean live = false;
        boolean split = false;
        while (true) {
            SubscribeToShardEvent event = events.poll(15, TimeUnit.SECONDS);
            event.records().forEach(record -> records.add(describe(record)));
            if (!live && event.millisBehindLatest() == 0) {
                live = true;
                client.putRecord(r -> r.streamName(stream).partitionKey("live").explicitHashKey("1").data(blob(256))).join();
            } else if (!split && records.stream().anyMatch(record -> record.get("key").equals("live"))) {
                split = true;
                client.splitShard(r -> r.streamName(stream).shardToSplit("shardId-000000000000").newStartingHashKey("1000")).join();
            }
            if (!event.childShards().isEmpty()) {
                seen.put("children", event.childShards().stream().map(ChildShard::shardId).toList());
                break;
            }
        }
        ended.get(10, TimeUnit.SECONDS);
        seen.put("pushed", records);
    }
}
