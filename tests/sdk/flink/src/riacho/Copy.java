package riacho;

import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kinesis.sink.KinesisStreamsSink;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.connectors.kinesis.FlinkKinesisConsumer;
import org.apache.flink.streaming.connectors.kinesis.config.AWSConfigConstants;
import org.apache.flink.streaming.connectors.kinesis.config.ConsumerConfigConstants;

/** A job that copies a stream in capitals, until its input ends: Copy POLLING|EFO URL SOURCE SINK. */
public final class Copy {
    public static void main(String[] arguments) throws Exception {
        Properties source = connection(arguments[1]);
        source.setProperty(ConsumerConfigConstants.STREAM_INITIAL_POSITION, "TRIM_HORIZON");
        source.setProperty(ConsumerConfigConstants.SHARD_DISCOVERY_INTERVAL_MILLIS, "500");
        source.setProperty(ConsumerConfigConstants.RECORD_PUBLISHER_TYPE, arguments[0]);
        if (arguments[0].equals("EFO")) {
            source.setProperty(ConsumerConfigConstants.EFO_CONSUMER_NAME, "flink");
        }
        Configuration local = new Configuration();
        for (String address : List.of("jobmanager.bind-host", "taskmanager.bind-host", "taskmanager.host", "rest.bind-address")) {
            local.setString(address, "127.0.0.1");
        }
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1, local);
        environment.addSource(new FlinkKinesisConsumer<>(arguments[2], new SimpleStringSchema(), source))
                .map(String::toUpperCase)
                .returns(String.class)
                .sinkTo(KinesisStreamsSink.<String>builder()
                        .setKinesisClientProperties(connection(arguments[1]))
                        .setSerializationSchema(new SimpleStringSchema())
                        .setPartitionKeyGenerator(line -> line.split(" ")[0])
                        .setStreamName(arguments[3])
                        .setFailOnError(true)
                        .setMaxTimeInBufferMS(100)
                        .build());
        JobClient job = environment.executeAsync();
        AtomicBoolean stopping = new AtomicBoolean();
        job.getJobExecutionResult().whenComplete((result, failure) -> {
            if (!stopping.get()) {
                System.exit(1);
            }
        });
        while (System.in.read() != -1) {
            continue;
        }
        stopping.set(true);
        job.cancel().get();
        System.exit(0);
    }

    private static Properties connection(String url) {
        Properties properties = new Properties();
        properties.setProperty(AWSConfigConstants.AWS_REGION, "us-east-1");
        properties.setProperty(AWSConfigConstants.AWS_ENDPOINT, url);
        return properties;
    }
}
