package riacho;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.common.util.concurrent.ListenableFuture;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * The Kinesis Producer Library: Producer HOST PORT CERTIFICATE|none STREAM ROUNDS. Writes records of 20 keys, in rounds, two of them
 * with explicit hash keys, and prints the results as one JSON object. One record is sent first: the library does not aggregate, and
 * drops explicit hash keys, until it knows the shards.
 */
public final class Producer {
    private static final BigInteger LAST_HASH = BigInteger.ONE.shiftLeft(128).subtract(BigInteger.ONE);

    public static void main(String[] arguments) throws Exception {
        KinesisProducerConfiguration configuration = new KinesisProducerConfiguration()
                .setRegion("us-east-1")
                .setKinesisEndpoint(arguments[0])
                .setKinesisPort(Long.parseLong(arguments[1]))
                .setMetricsLevel("none");
        if (arguments[2].equals("none")) {
            configuration.setVerifyCertificate(false);
        } else {
            configuration.setCaCertFile(arguments[2]);
        }
        KinesisProducer producer = new KinesisProducer(configuration);
        String stream = arguments[3];
        int rounds = Integer.parseInt(arguments[4]);
        producer.addUserRecord(stream, "ahead", ByteBuffer.wrap("ahead 0".getBytes(StandardCharsets.UTF_8))).get();
        List<ListenableFuture<UserRecordResult>> futures = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            for (int key = 0; key < 20; key++) {
                ByteBuffer data = ByteBuffer.wrap(("key-" + key + " " + round).getBytes(StandardCharsets.UTF_8));
                String hash = key < 18 ? null : key == 18 ? "0" : LAST_HASH.toString();
                futures.add(producer.addUserRecord(stream, "key-" + key, hash, data));
            }
        }
        int succeeded = 0;
        int attempts = 0;
        for (ListenableFuture<UserRecordResult> future : futures) {
            UserRecordResult result = future.get(60, TimeUnit.SECONDS);
            succeeded += result.isSuccessful() && !result.getSequenceNumber().isEmpty() ? 1 : 0;
            attempts += result.getAttempts().size();
        }
        System.out.println(new ObjectMapper().writeValueAsString(Map.of("succeeded", succeeded, "attempts", attempts)));
        producer.destroy();
        System.exit(0);
    }
}
