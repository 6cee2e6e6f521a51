package riacho;

import com.amazonaws.auth.EnvironmentVariableCredentialsProvider;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.kinesis.AmazonKinesis;
import com.amazonaws.services.kinesis.AmazonKinesisClientBuilder;
import com.amazonaws.services.kinesis.model.PutRecordsRequest;
import com.amazonaws.services.kinesis.model.PutRecordsRequestEntry;
import com.amazonaws.services.kinesisanalytics.AmazonKinesisAnalytics;
import com.amazonaws.services.kinesisanalytics.AmazonKinesisAnalyticsClientBuilder;
import com.amazonaws.services.kinesisanalytics.model.*;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The life of an application: Analytics URL APPLICATION SOURCE SINK CODE (ARNs of streams). Prints its observations as one JSON object. */
public final class Analytics {
    private static final String ROLE = "arn:aws:iam::000000000000:role/analytics";

    private final AmazonKinesisAnalytics analytics;
    private final AmazonKinesis kinesis;
    private final String application;
    private final Map<String, Object> seen = new LinkedHashMap<>();

    private Analytics(String url, String application) {
        EndpointConfiguration endpoint = new EndpointConfiguration(url, System.getenv("AWS_REGION"));
        EnvironmentVariableCredentialsProvider credentials = new EnvironmentVariableCredentialsProvider();
        this.analytics = AmazonKinesisAnalyticsClientBuilder.standard().withEndpointConfiguration(endpoint).withCredentials(credentials).build();
        this.kinesis = AmazonKinesisClientBuilder.standard().withEndpointConfiguration(endpoint).withCredentials(credentials).build();
        this.application = application;
    }

    public static void main(String[] arguments) throws Exception {
        Analytics analytics = new Analytics(arguments[0], arguments[1]);
        analytics.create(arguments[2], arguments[3], arguments[4]);
        analytics.run(arguments[2]);
        analytics.fail();
        analytics.delete();
        System.out.println(new ObjectMapper().writeValueAsString(analytics.seen));
        System.exit(0);
    }

    private ApplicationDetail describe() {
        return analytics.describeApplication(new DescribeApplicationRequest().withApplicationName(application)).getApplicationDetail();
    }

    private void await(String status) throws InterruptedException {
        while (!describe().getApplicationStatus().equals(status)) {
            Thread.sleep(20);
        }
    }

    private static RecordColumn column(String name, String type) {
        return new RecordColumn().withName(name).withMapping("$." + name).withSqlType(type);
    }

    private void create(String source, String sink, String code) {
        SourceSchema schema = new SourceSchema().withRecordEncoding("UTF-8")
                .withRecordFormat(new RecordFormat().withRecordFormatType(RecordFormatType.JSON).withMappingParameters(
                        new MappingParameters().withJSONMappingParameters(new JSONMappingParameters().withRecordRowPath("$"))))
                .withRecordColumns(column("TICKER", "VARCHAR(4)"), column("PRICE", "INTEGER"));
        Input input = new Input().withNamePrefix("SOURCE_SQL_STREAM").withInputSchema(schema)
                .withInputParallelism(new InputParallelism().withCount(1))
                .withKinesisStreamsInput(new KinesisStreamsInput().withResourceARN(source).withRoleARN(ROLE));
        Output output = new Output().withName("OUT").withDestinationSchema(new DestinationSchema().withRecordFormatType(RecordFormatType.JSON))
                .withKinesisStreamsOutput(new KinesisStreamsOutput().withResourceARN(sink).withRoleARN(ROLE));
        ApplicationSummary summary = analytics.createApplication(new CreateApplicationRequest().withApplicationName(application)
                .withApplicationCode(code).withInputs(input).withOutputs(output)).getApplicationSummary();
        seen.put("created", Map.of("arn", summary.getApplicationARN(), "status", summary.getApplicationStatus()));
        ApplicationDetail detail = describe();
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("code", detail.getApplicationCode());
        fields.put("version", detail.getApplicationVersionId());
        fields.put("created_ms", detail.getCreateTimestamp().getTime());
        InputDescription in = detail.getInputDescriptions().get(0);
        fields.put("streams", in.getInAppStreamNames());
        fields.put("source", in.getKinesisStreamsInputDescription().getResourceARN());
        fields.put("row_path", in.getInputSchema().getRecordFormat().getMappingParameters().getJSONMappingParameters().getRecordRowPath());
        List<String> columns = new ArrayList<>();
        in.getInputSchema().getRecordColumns().forEach(each -> columns.add(each.getName() + " " + each.getSqlType() + " " + each.getMapping()));
        fields.put("columns", columns);
        fields.put("sink", detail.getOutputDescriptions().get(0).getKinesisStreamsOutputDescription().getResourceARN());
        seen.put("described", fields);
    }

    private void run(String source) throws InterruptedException {
        String input = describe().getInputDescriptions().get(0).getInputId();
        analytics.startApplication(new StartApplicationRequest().withApplicationName(application)
                .withInputConfigurations(new InputConfiguration().withId(input).withInputStartingPositionConfiguration(
                        new InputStartingPositionConfiguration().withInputStartingPosition(InputStartingPosition.TRIM_HORIZON))));
        await("RUNNING");
        seen.put("position", describe().getInputDescriptions().get(0).getInputStartingPositionConfiguration().getInputStartingPosition());
        List<PutRecordsRequestEntry> records = new ArrayList<>();
        for (int price = 0; price < 100; price++) {
            byte[] record = ("{\"TICKER\":\"AMZN\",\"PRICE\":" + price + "}").getBytes(StandardCharsets.UTF_8);
            records.add(new PutRecordsRequestEntry().withPartitionKey("k").withData(ByteBuffer.wrap(record)));
        }
        String stream = source.substring(source.lastIndexOf('/') + 1);
        seen.put("failed", kinesis.putRecords(new PutRecordsRequest().withStreamName(stream).withRecords(records)).getFailedRecordCount());
    }

    private void fail() {
        Map<String, Object> errors = new LinkedHashMap<>();
        errors.put("missing", error(() -> analytics.describeApplication(
                new DescribeApplicationRequest().withApplicationName(application + "-missing"))));
        errors.put("running", error(() -> analytics.startApplication(new StartApplicationRequest().withApplicationName(application)
                .withInputConfigurations(new InputConfiguration().withId("1.1").withInputStartingPositionConfiguration(
                        new InputStartingPositionConfiguration().withInputStartingPosition(InputStartingPosition.NOW))))));
        errors.put("version", error(() -> analytics.updateApplication(new UpdateApplicationRequest().withApplicationName(application)
                .withCurrentApplicationVersionId(7L).withApplicationUpdate(new ApplicationUpdate().withApplicationCodeUpdate("-- new")))));
        seen.put("errors", errors);
    }

    /** Waits for a line of input, so that the rows can be awaited while the application runs. */
    private void delete() throws Exception {
        System.in.read();
        analytics.stopApplication(new StopApplicationRequest().withApplicationName(application));
        await("READY");
        // The SDK sends the time that it has read from DescribeApplication.
        analytics.deleteApplication(new DeleteApplicationRequest().withApplicationName(application)
                .withCreateTimestamp(describe().getCreateTimestamp()));
        try {
            while (true) {
                seen.put("last_status", describe().getApplicationStatus());
                Thread.sleep(20);
            }
        } catch (ResourceNotFoundException gone) {
            seen.put("gone", gone.getStatusCode());
        }
    }

    private static Map<String, Object> error(Runnable call) {
        try {
            call.run();
            return null;
        } catch (AmazonKinesisAnalyticsException failure) {
            return Map.of("type", failure.getClass().getSimpleName(), "code", failure.getErrorCode(), "status", failure.getStatusCode());
        }
    }
}
