package riacho;

import com.amazonaws.AmazonServiceException;
import com.amazonaws.auth.AWSCredentialsProvider;
import com.amazonaws.auth.EnvironmentVariableCredentialsProvider;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.kinesisvideo.parser.ebml.InputStreamParserByteSource;
import com.amazonaws.kinesisvideo.parser.ebml.MkvTypeInfos;
import com.amazonaws.kinesisvideo.parser.mkv.MkvElement;
import com.amazonaws.kinesisvideo.parser.mkv.MkvEndMasterElement;
import com.amazonaws.kinesisvideo.parser.mkv.StreamingMkvReader;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadata;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadataVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.FrameVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.MkvTrackMetadata;
import com.amazonaws.services.kinesisvideo.*;
import com.amazonaws.services.kinesisvideo.model.*;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A recording goes up and comes back: Camera URL STREAM FILE START_MS FRAGMENTS. Prints its observations as one JSON object.
 * PutMedia is of version 1 of the SDK, the only one that has it; what comes back is read by the parser library.
 */
public final class Camera {
    private final AWSCredentialsProvider credentials = new EnvironmentVariableCredentialsProvider();
    private final String region = System.getenv("AWS_REGION");
    private final AmazonKinesisVideo control;
    private final String stream;
    private final Map<String, Object> seen = new LinkedHashMap<>();

    private Camera(String url, String stream) {
        this.control = AmazonKinesisVideoClientBuilder.standard().withEndpointConfiguration(at(url)).withCredentials(credentials).build();
        this.stream = stream;
    }

    public static void main(String[] arguments) throws Exception {
        Camera camera = new Camera(arguments[0], arguments[1]);
        camera.create();
        Map<String, Object> upload = camera.put(arguments[1], arguments[2], Long.parseLong(arguments[3]));
        camera.seen.put("upload", upload);
        if (upload.containsKey("failure")) {
            // GetMedia of a stream without media would wait.
            throw new IllegalStateException("the upload failed: " + upload.get("failure"));
        }
        List<String> numbers = camera.get(Integer.parseInt(arguments[4]));
        camera.list();
        camera.getListed(numbers);
        camera.seen.put("upload_to_missing", camera.put(arguments[1] + "-missing", arguments[2], Long.parseLong(arguments[3])));
        camera.fail();
        System.out.println(new ObjectMapper().writeValueAsString(camera.seen));
        System.exit(0);
    }

    private EndpointConfiguration at(String url) {
        return new EndpointConfiguration(url, region);
    }

    private String endpoint(APIName api) {
        return control.getDataEndpoint(new GetDataEndpointRequest().withStreamName(stream).withAPIName(api)).getDataEndpoint();
    }

    private void create() throws InterruptedException {
        seen.put("arn", control.createStream(new CreateStreamRequest().withStreamName(stream).withMediaType("video/h264,audio/aac")
                .withDataRetentionInHours(24)).getStreamARN());
        StreamInfo info;
        do {
            Thread.sleep(20);
            info = control.describeStream(new DescribeStreamRequest().withStreamName(stream)).getStreamInfo();
        } while (!info.getStatus().equals("ACTIVE"));
        seen.put("info", Map.of("arn", info.getStreamARN(), "hours", info.getDataRetentionInHours(), "media", info.getMediaType(),
                "created_ms", info.getCreationTime().getTime()));
    }

    /** Uploads a file; the acknowledgements in their order, and what the call ended with. */
    private Map<String, Object> put(String name, String file, long startMs) throws Exception {
        String endpoint = endpoint(APIName.PUT_MEDIA);
        AmazonKinesisVideoPutMedia client = AmazonKinesisVideoPutMediaClient.builder().withRegion(region)
                .withEndpoint(URI.create(endpoint)).withCredentials(credentials)
                .withConnectionTimeoutInMillis(10_000).build();
        List<Map<String, Object>> acknowledgements = new ArrayList<>();
        Map<String, Object> result = new LinkedHashMap<>(Map.of("acknowledgements", acknowledgements));
        CountDownLatch ended = new CountDownLatch(1);
        try (InputStream media = new FileInputStream(file)) {
            client.putMedia(new PutMediaRequest().withStreamName(name).withFragmentTimecodeType(FragmentTimecodeType.RELATIVE)
                    .withProducerStartTimestamp(new Date(startMs)).withPayload(media), new PutMediaAckResponseHandler() {
                @Override
                public void onAckEvent(AckEvent event) {
                    Map<String, Object> fields = new LinkedHashMap<>();
                    fields.put("type", event.getAckEventType().getEnumValue().toString());
                    fields.put("number", event.getFragmentNumber());
                    fields.put("timecode", event.getFragmentTimecode());
                    acknowledgements.add(fields);
                }

                @Override
                public void onFailure(Throwable failure) {
                    result.put("failure", failure instanceof AmazonServiceException error ? describe(error) : failure.toString());
                    ended.countDown();
                }

                @Override
                public void onComplete() {
                    result.put("complete", true);
                    ended.countDown();
                }
            });
            if (!ended.await(30, TimeUnit.SECONDS)) {
                result.put("failure", "no end after 30 s");
            }
        }
        client.close();
        return result;
    }

    private static Map<String, Object> fragment(FragmentMetadata metadata) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("number", metadata.getFragmentNumberString());
        fields.put("server_ms", metadata.getServerSideTimestampMillis());
        fields.put("producer_ms", metadata.getProducerSideTimestampMillis());
        return fields;
    }

    /** Reads from the oldest fragment on, as a viewer does: the call has no end. */
    private List<String> get(int count) throws Exception {
        AmazonKinesisVideoMedia client = AmazonKinesisVideoMediaClientBuilder.standard()
                .withEndpointConfiguration(at(endpoint(APIName.GET_MEDIA))).withCredentials(credentials).build();
        GetMediaResult reply = client.getMedia(new GetMediaRequest().withStreamName(stream)
                .withStartSelector(new StartSelector().withStartSelectorType(StartSelectorType.EARLIEST)));
        seen.put("media_type", reply.getContentType());
        StreamingMkvReader reader = StreamingMkvReader.createDefault(new InputStreamParserByteSource(reply.getPayload()));
        FragmentMetadataVisitor visitor = FragmentMetadataVisitor.create();
        List<Map<String, Object>> fragments = new ArrayList<>();
        List<String> numbers = new ArrayList<>();
        while (numbers.size() < count) {
            Optional<MkvElement> element = reader.nextIfAvailable();
            if (element.isEmpty()) {
                // Waits for a byte, so it is asked only when the last element's end has been given away.
                if (!reader.mightHaveNext()) {
                    break;
                }
                continue;
            }
            element.get().accept(visitor);
            if (!(element.get() instanceof MkvEndMasterElement)
                    || !element.get().getElementMetaData().getTypeInfo().equals(MkvTypeInfos.TAGS)) {
                continue;
            }
            // Complete with the tags behind the media, those of the way still to go.
            FragmentMetadata metadata = visitor.getCurrentFragmentMetadata().orElse(null);
            if (metadata != null && metadata.isCompleteFragment() && !numbers.contains(metadata.getFragmentNumberString())) {
                Map<String, Object> fields = fragment(metadata);
                fields.put("behind_ms", metadata.getMillisBehindNow().getAsLong());
                fields.put("token", metadata.getContinuationToken().get());
                MkvTrackMetadata track = visitor.getMkvTrackMetadata(1);
                fields.put("track", List.of(track.getCodecId(), track.getPixelWidth().get(), track.getPixelHeight().get()));
                fragments.add(fields);
                numbers.add(metadata.getFragmentNumberString());
            }
        }
        seen.put("fragments", fragments);
        client.shutdown();
        return numbers;
    }

    private AmazonKinesisVideoArchivedMedia archive(APIName api) {
        return AmazonKinesisVideoArchivedMediaClientBuilder.standard().withEndpointConfiguration(at(endpoint(api)))
                .withCredentials(credentials).build();
    }

    private void list() {
        List<Map<String, Object>> fragments = new ArrayList<>();
        String token = null;
        do {
            ListFragmentsResult page = archive(APIName.LIST_FRAGMENTS)
                    .listFragments(new ListFragmentsRequest().withStreamName(stream).withMaxResults(2L).withNextToken(token)
                            .withFragmentSelector(new FragmentSelector().withFragmentSelectorType(FragmentSelectorType.SERVER_TIMESTAMP)
                                    .withTimestampRange(new TimestampRange().withStartTimestamp(new Date(0))
                                            .withEndTimestamp(new Date(4_000_000_000_000L)))));
            for (Fragment fragment : page.getFragments()) {
                fragments.add(Map.of("number", fragment.getFragmentNumber(), "bytes", fragment.getFragmentSizeInBytes(),
                        "duration_ms", fragment.getFragmentLengthInMilliseconds(),
                        "server_ms", fragment.getServerTimestamp().getTime(), "producer_ms", fragment.getProducerTimestamp().getTime()));
            }
            token = page.getNextToken();
        } while (token != null);
        seen.put("listed", fragments);
    }

    /** GetMediaForFragmentList ends by itself; the library cuts it into frames. */
    private void getListed(List<String> numbers) throws Exception {
        InputStream media = archive(APIName.GET_MEDIA_FOR_FRAGMENT_LIST)
                .getMediaForFragmentList(new GetMediaForFragmentListRequest().withStreamName(stream).withFragments(numbers)).getPayload();
        Map<String, int[]> frames = new LinkedHashMap<>();
        ByteArrayOutputStream video = new ByteArrayOutputStream();
        FrameVisitor visitor = FrameVisitor.create(new FrameVisitor.FrameProcessor() {
            @Override
            public void process(com.amazonaws.kinesisvideo.parser.mkv.Frame frame, MkvTrackMetadata track, Optional<FragmentMetadata> of) {
                int[] counts = frames.computeIfAbsent(of.get().getFragmentNumberString(), number -> new int[2]);
                counts[(int) frame.getTrackNumber() - 1]++;
                if (frame.getTrackNumber() == 1) {
                    byte[] bytes = new byte[frame.getFrameData().remaining()];
                    frame.getFrameData().duplicate().get(bytes);
                    video.writeBytes(bytes);
                }
            }
        });
        StreamingMkvReader.createDefault(new InputStreamParserByteSource(media)).apply(visitor);
        seen.put("frames", frames);
        seen.put("video_sha256", java.util.HexFormat.of().formatHex(
                java.security.MessageDigest.getInstance("SHA-256").digest(video.toByteArray())));
    }

    private void fail() {
        Map<String, Object> errors = new LinkedHashMap<>();
        String missing = stream + "-missing";
        errors.put("describe", error(() -> control.describeStream(new DescribeStreamRequest().withStreamName(missing))));
        errors.put("taken", error(() -> control.createStream(new CreateStreamRequest().withStreamName(stream))));
        errors.put("list", error(() -> archive(APIName.LIST_FRAGMENTS).listFragments(new ListFragmentsRequest().withStreamName(missing))));
        seen.put("errors", errors);
    }

    private static Map<String, Object> describe(AmazonServiceException error) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("type", error.getClass().getSimpleName());
        fields.put("code", error.getErrorCode());
        fields.put("message", error.getErrorMessage());
        fields.put("status", error.getStatusCode());
        return fields;
    }

    private static Map<String, Object> error(Runnable call) {
        try {
            call.run();
            return null;
        } catch (AmazonServiceException failure) {
            return describe(failure);
        }
    }
}
