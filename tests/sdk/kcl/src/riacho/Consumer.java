package riacho;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.RetrievalConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A worker of the Kinesis Client Library: Consumer polling|fan-out URL DYNAMODB-URL STREAM. Prints each user record and each end of a
 * shard as a line of JSON, until its input ends.
 */
public final class Consumer {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        String mode = arguments[0];
        URI kinesisUrl = URI.create(arguments[1]);
        URI dynamoUrl = URI.create(arguments[2]);
        String stream = arguments[3];
        String application = "app-" + stream;

        KinesisAsyncClient kinesis =
                KinesisClientUtil.createKinesisAsyncClient(KinesisAsyncClient.builder().endpointOverride(kinesisUrl));
        DynamoDbAsyncClient dynamo = DynamoDbAsyncClient.builder().endpointOverride(dynamoUrl).build();
        CloudWatchAsyncClient cloudWatch = CloudWatchAsyncClient.create();
        ConfigsBuilder configs =
                new ConfigsBuilder(stream, application, kinesis, dynamo, cloudWatch, "worker", Processor::new);
        RetrievalConfig retrieval = configs.retrievalConfig()
                .initialPositionInStreamExtended(
                        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON))
                .retrievalSpecificConfig(mode.equals("polling")
                        ? new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(200)
                        : new FanOutConfig(kinesis).streamName(stream).applicationName(application));
        Scheduler scheduler = new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig().parentShardPollIntervalMillis(200).shardConsumerDispatchPollIntervalMillis(100),
                configs.leaseManagementConfig().failoverTimeMillis(1000).shardSyncIntervalMillis(500)
                        .leasesRecoveryAuditorExecutionFrequencyMillis(1000),
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                retrieval);
        Thread worker = new Thread(scheduler);
        worker.start();
        while (System.in.read() != -1) {
            continue;
        }
        scheduler.shutdown();
        System.exit(0);
    }

    private static void print(Map<String, Object> line) {
        try {
            synchronized (JSON) {
                System.out.println(JSON.writeValueAsString(line));
            }
        } catch (java.io.IOException failure) {
            throw new IllegalStateException(failure);
        }
    }

    private static final class Processor implements ShardRecordProcessor {
        private String shard;

        @Override
        public void initialize(InitializationInput input) {
            shard = input.shardId();
            print(Map.of("started", shard));
        }

        @Override
        public void processRecords(ProcessRecordsInput input) {
            for (KinesisClientRecord record : input.records()) {
                ByteBuffer data = record.data();
                byte[] bytes = new byte[data.remaining()];
                data.get(bytes);
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("shard", shard);
                line.put("number", record.sequenceNumber());
                line.put("sub", record.subSequenceNumber());
                line.put("key", record.partitionKey());
                line.put("hash", record.explicitHashKey());
                line.put("aggregated", record.aggregated());
                line.put("data", Base64.getEncoder().encodeToString(bytes));
                print(line);
            }
        }

        @Override
        public void leaseLost(LeaseLostInput input) {
            print(Map.of("lost", shard));
        }

        @Override
        public void shardEnded(ShardEndedInput input) {
            try {
                input.checkpointer().checkpoint();
            } catch (ShutdownException | InvalidStateException failure) {
                throw new IllegalStateException(failure);
            }
            print(Map.of("ended", shard));
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            try {
                input.checkpointer().checkpoint();
            } catch (ShutdownException | InvalidStateException failure) {
                throw new IllegalStateException(failure);
            }
        }
    }
}
