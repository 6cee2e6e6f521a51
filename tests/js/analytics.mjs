// The SDK for JavaScript's clients of SQL applications, of both API versions, against the server at RIACHO_ENDPOINT: prints one line of JSON
// with what it saw.
import { KinesisAnalyticsClient, DescribeApplicationCommand as Describe1, ListApplicationsCommand as List1, UpdateApplicationCommand as Update1,
  CreateApplicationCommand as Create1 } from "@aws-sdk/client-kinesis-analytics";
import { KinesisAnalyticsV2Client, CodeValidationException, ConcurrentModificationException, CreateApplicationCommand, DeleteApplicationCommand,
  DescribeApplicationCommand, ListTagsForResourceCommand, ResourceNotFoundException, StartApplicationCommand, StopApplicationCommand,
  UpdateApplicationCommand } from "@aws-sdk/client-kinesis-analytics-v2";

const ApplicationName = process.env.RIACHO_APPLICATION;
const options = { endpoint: process.env.RIACHO_ENDPOINT, region: "us-east-1", maxAttempts: 1, credentials: { accessKeyId: "k", secretAccessKey: "s" } };
const one = new KinesisAnalyticsClient(options);
const two = new KinesisAnalyticsV2Client(options);
const caught = (promise) => promise.then(() => undefined, (error) => error);
const seen = {};

const ResourceARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${process.env.RIACHO_STREAM}`;
const TextContent = 'CREATE STREAM "OUT" (A INTEGER); CREATE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM A FROM "IN_001";';
const InputSchema = {
  RecordFormat: { RecordFormatType: "JSON", MappingParameters: { JSONMappingParameters: { RecordRowPath: "$" } } },
  RecordColumns: [{ Name: "A", Mapping: "$.A", SqlType: "INTEGER" }],
};
const created = await two.send(new CreateApplicationCommand({
  ApplicationName, RuntimeEnvironment: "SQL-1_0", ServiceExecutionRole: "arn:aws:iam::000000000000:role/r", Tags: [{ Key: "team", Value: "água" }],
  ApplicationConfiguration: {
    SqlApplicationConfiguration: { Inputs: [{ NamePrefix: "IN", KinesisStreamsInput: { ResourceARN }, InputSchema }] },
    ApplicationCodeConfiguration: { CodeContentType: "PLAINTEXT", CodeContent: { TextContent } },
  },
}));
const detail = created.ApplicationDetail;
seen.version = detail.ApplicationVersionId;
seen.created = Math.abs(Date.now() - detail.CreateTimestamp.getTime()) < 60_000;
seen.tags = (await two.send(new ListTagsForResourceCommand({ ResourceARN: detail.ApplicationARN }))).Tags;
const status = async () => (await two.send(new DescribeApplicationCommand({ ApplicationName }))).ApplicationDetail.ApplicationStatus;
await two.send(new StartApplicationCommand({ ApplicationName, RunConfiguration: { SqlRunConfigurations: [
  { InputId: "1.1", InputStartingPositionConfiguration: { InputStartingPosition: "NOW" } }] } }));
while (await status() !== "RUNNING");
const code = (text, id) => ({ ApplicationName, CurrentApplicationVersionId: id,
  ApplicationConfigurationUpdate: { ApplicationCodeConfigurationUpdate: { CodeContentUpdate: { TextContentUpdate: text } } } });
const invalid = await caught(two.send(new UpdateApplicationCommand(code("SELEC", 1))));
seen.invalid = invalid instanceof CodeValidationException && invalid.message.length > 0;
const stale = await caught(two.send(new UpdateApplicationCommand(code(TextContent, 9))));
seen.stale = stale instanceof ConcurrentModificationException && stale.message.includes("9");
await two.send(new StopApplicationCommand({ ApplicationName }));
while (await status() !== "READY");

// The other version sees and changes it.
const shown = (await one.send(new Describe1({ ApplicationName }))).ApplicationDetail;
seen.code = shown.ApplicationCode === TextContent;
await one.send(new Update1({ ApplicationName, CurrentApplicationVersionId: 1, ApplicationUpdate: { ApplicationCodeUpdate: `${TextContent}\n-- more` } }));
seen.listed = (await one.send(new List1({}))).ApplicationSummaries.some((summary) => summary.ApplicationName === ApplicationName);
const taken = await caught(one.send(new Create1({ ApplicationName })));
seen.taken = [taken.name, taken.message.includes(ApplicationName)];
await two.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp: detail.CreateTimestamp }));
let gone;
do { gone = await caught(two.send(new DescribeApplicationCommand({ ApplicationName }))); } while (gone === undefined);
seen.gone = gone instanceof ResourceNotFoundException;
console.log(JSON.stringify(seen));
