package example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

/** Tests of a program that uses Kinesis, with a riacho in a container. */
class OrdersTest {
    private static GenericContainer<?> container;
    private static KinesisClient kinesis;

    @BeforeAll
    static void start() {
        String endpoint = System.getenv("KINESIS_ENDPOINT");
        if (endpoint == null) {
            container = new GenericContainer<>(DockerImageName.parse("riacho:0.1.0"))
                    .withExposedPorts(4566)
                    // Any keys will do; Testcontainers publishes the port on this machine.
                    .withEnv("RIACHO_INSECURE", "true")
                    .waitingFor(Wait.forHttp("/health/ready").forPort(4566));
            container.start();
            endpoint = "http://" + container.getHost() + ":" + container.getMappedPort(4566);
        }
        kinesis = KinesisClient.builder()
                .endpointOverride(URI.create(endpoint))
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("any", "any")))
                .build();
    }

    @AfterAll
    static void stop() {
        kinesis.close();
        if (container != null) container.stop();
    }

    @Test
    void ordersOfACustomerKeepTheirOrder() {
        String stream = "orders-" + System.nanoTime();
        kinesis.createStream(request -> request.streamName(stream).shardCount(1));
        kinesis.waiter().waitUntilStreamExists(request -> request.streamName(stream));
        List<String> sent = new ArrayList<>();
        for (int number = 0; number < 10; number++) {
            String order = "{\"customer\": \"ana\", \"order\": " + number + "}";
            sent.add(order);
            kinesis.putRecord(request -> request.streamName(stream).partitionKey("ana").data(SdkBytes.fromUtf8String(order)));
        }
        assertEquals(sent, read(stream));
        kinesis.deleteStream(request -> request.streamName(stream));
    }

    private static List<String> read(String stream) {
        List<String> records = new ArrayList<>();
        String position = kinesis.getShardIterator(request -> request.streamName(stream).shardId("shardId-000000000000")
                .shardIteratorType(ShardIteratorType.TRIM_HORIZON)).shardIterator();
        while (position != null) {
            String from = position;
            var reply = kinesis.getRecords(request -> request.shardIterator(from));
            reply.records().forEach(record -> records.add(record.data().asUtf8String()));
            position = reply.millisBehindLatest() > 0 ? reply.nextShardIterator() : null;
        }
        return records;
    }
}
