package riacho;

import java.net.URI;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.*;

/** The client interface of the tour, implemented by the synchronous and by the asynchronous client. */
interface Kinesis {
    CreateStreamResponse create(CreateStreamRequest request);

    DescribeStreamSummaryResponse describe(DescribeStreamSummaryRequest request);

    ListShardsResponse shards(ListShardsRequest request);

    PutRecordResponse put(PutRecordRequest request);

    PutRecordsResponse put(PutRecordsRequest request);

    GetShardIteratorResponse iterator(GetShardIteratorRequest request);

    GetRecordsResponse read(GetRecordsRequest request);

    /** The media types of the replies so far. */
    Set<String> media();

    /** The asynchronous client; null for the synchronous one, which cannot subscribe. */
    KinesisAsyncClient subscriber();

    /** Records the media type of each reply. */
    final class Listener implements ExecutionInterceptor {
        final Set<String> media = Collections.synchronizedSet(new TreeSet<>());

        @Override
        public void afterTransmission(Context.AfterTransmission context, ExecutionAttributes attributes) {
            context.httpResponse().firstMatchingHeader("Content-Type").ifPresent(media::add);
        }

        ClientOverrideConfiguration configuration() {
            return ClientOverrideConfiguration.builder().addExecutionInterceptor(this).build();
        }
    }

    static Kinesis connect(String kind, String url) {
        Listener listener = new Listener();
        if (kind.equals("async")) {
            return new Asynchronous(KinesisAsyncClient.builder()
                    .endpointOverride(URI.create(url))
                    .overrideConfiguration(listener.configuration())
                    .build(), listener);
        }
        return new Synchronous(KinesisClient.builder()
                .endpointOverride(URI.create(url))
                .httpClientBuilder(kind.equals("apache") ? ApacheHttpClient.builder() : UrlConnectionHttpClient.builder())
                .overrideConfiguration(listener.configuration())
                .build(), listener);
    }

    record Synchronous(KinesisClient client, Listener listener) implements Kinesis {
        public CreateStreamResponse create(CreateStreamRequest request) {
            return client.createStream(request);
        }

        public DescribeStreamSummaryResponse describe(DescribeStreamSummaryRequest request) {
            return client.describeStreamSummary(request);
        }

        public ListShardsResponse shards(ListShardsRequest request) {
            return client.listShards(request);
        }

        public PutRecordResponse put(PutRecordRequest request) {
            return client.putRecord(request);
        }

        public PutRecordsResponse put(PutRecordsRequest request) {
            return client.putRecords(request);
        }

        public GetShardIteratorResponse iterator(GetShardIteratorRequest request) {
            return client.getShardIterator(request);
        }

        public GetRecordsResponse read(GetRecordsRequest request) {
            return client.getRecords(request);
        }

        public Set<String> media() {
            return listener.media;
        }

        public KinesisAsyncClient subscriber() {
            return null;
        }
    }

    record Asynchronous(KinesisAsyncClient client, Listener listener) implements Kinesis {
        private static <T> T wait(CompletableFuture<T> future) {
            try {
                return future.join();
            } catch (CompletionException failure) {
                throw (RuntimeException) failure.getCause();
            }
        }

        public CreateStreamResponse create(CreateStreamRequest request) {
            return wait(client.createStream(request));
        }

        public DescribeStreamSummaryResponse describe(DescribeStreamSummaryRequest request) {
            return wait(client.describeStreamSummary(request));
        }

        public ListShardsResponse shards(ListShardsRequest request) {
            return wait(client.listShards(request));
        }

        public PutRecordResponse put(PutRecordRequest request) {
            return wait(client.putRecord(request));
        }

        public PutRecordsResponse put(PutRecordsRequest request) {
            return wait(client.putRecords(request));
        }

        public GetShardIteratorResponse iterator(GetShardIteratorRequest request) {
            return wait(client.getShardIterator(request));
        }

        public GetRecordsResponse read(GetRecordsRequest request) {
            return wait(client.getRecords(request));
        }

        public Set<String> media() {
            return listener.media;
        }

        public KinesisAsyncClient subscriber() {
            return client;
        }
    }
}
