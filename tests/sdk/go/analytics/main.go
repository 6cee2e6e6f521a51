// The life of a SQL application with version 2 of the API and the AWS SDK for Go v2: analytics URL APPLICATION SOURCE SINK CODE (ARNs of
// streams). Waits for a line of input while the application runs, and prints what it saw as one JSON object.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	analytics "github.com/aws/aws-sdk-go-v2/service/kinesisanalyticsv2"
	"github.com/aws/aws-sdk-go-v2/service/kinesisanalyticsv2/types"
)

type seen struct {
	Arn       string            `json:"arn"`
	Version   int64             `json:"version"`
	Mode      string            `json:"mode"`
	CreatedMs int64             `json:"created_ms"`
	Streams   []string          `json:"streams"`
	Code      string            `json:"code"`
	Listed    bool              `json:"listed"`
	Invalid   string            `json:"invalid"`
	Errors    map[string]string `json:"errors"`
	Gone      bool              `json:"gone"`
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	url, application, source, sink, code := os.Args[1], &os.Args[2], &os.Args[3], &os.Args[4], &os.Args[5]
	loaded, err := config.LoadDefaultConfig(ctx)
	check(err)
	client := analytics.NewFromConfig(loaded, func(o *analytics.Options) {
		o.BaseEndpoint = &url
		o.RetryMaxAttempts = 1
	})
	describe := func() (*types.ApplicationDetail, error) {
		reply, err := client.DescribeApplication(ctx, &analytics.DescribeApplicationInput{ApplicationName: application})
		if err != nil {
			return nil, err
		}
		return reply.ApplicationDetail, nil
	}
	await := func(status types.ApplicationStatus) {
		for {
			detail, err := describe()
			check(err)
			if detail.ApplicationStatus == status {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	created, err := client.CreateApplication(ctx, &analytics.CreateApplicationInput{
		ApplicationName: application, RuntimeEnvironment: types.RuntimeEnvironmentSql10,
		ServiceExecutionRole: aws.String("arn:aws:iam::000000000000:role/analytics"),
		ApplicationConfiguration: &types.ApplicationConfiguration{
			ApplicationCodeConfiguration: &types.ApplicationCodeConfiguration{
				CodeContentType: types.CodeContentTypePlaintext, CodeContent: &types.CodeContent{TextContent: code}},
			SqlApplicationConfiguration: &types.SqlApplicationConfiguration{
				Inputs: []types.Input{{
					NamePrefix:          aws.String("SOURCE_SQL_STREAM"),
					KinesisStreamsInput: &types.KinesisStreamsInput{ResourceARN: source},
					InputSchema: &types.SourceSchema{
						RecordFormat: &types.RecordFormat{RecordFormatType: types.RecordFormatTypeJson, MappingParameters: &types.MappingParameters{
							JSONMappingParameters: &types.JSONMappingParameters{RecordRowPath: aws.String("$")}}},
						RecordColumns: []types.RecordColumn{
							{Name: aws.String("TICKER"), Mapping: aws.String("$.TICKER"), SqlType: aws.String("VARCHAR(4)")},
							{Name: aws.String("PRICE"), Mapping: aws.String("$.PRICE"), SqlType: aws.String("INTEGER")}},
					},
				}},
				Outputs: []types.Output{{
					Name: aws.String("OUT"), KinesisStreamsOutput: &types.KinesisStreamsOutput{ResourceARN: sink},
					DestinationSchema: &types.DestinationSchema{RecordFormatType: types.RecordFormatTypeJson},
				}},
			},
		},
	})
	check(err)
	detail := created.ApplicationDetail
	sql := detail.ApplicationConfigurationDescription.SqlApplicationConfigurationDescription
	out := seen{Arn: *detail.ApplicationARN, Version: *detail.ApplicationVersionId, Mode: string(detail.ApplicationMode),
		CreatedMs: detail.CreateTimestamp.UnixMilli(), Streams: sql.InputDescriptions[0].InAppStreamNames, Errors: map[string]string{}}
	out.Code = *detail.ApplicationConfigurationDescription.ApplicationCodeConfigurationDescription.CodeContentDescription.TextContent

	pages := analytics.NewListApplicationsPaginator(client, &analytics.ListApplicationsInput{Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		check(err)
		for _, summary := range page.ApplicationSummaries {
			out.Listed = out.Listed || *summary.ApplicationName == *application
		}
	}

	update := func(text string, version int64) error {
		_, err := client.UpdateApplication(ctx, &analytics.UpdateApplicationInput{
			ApplicationName: application, CurrentApplicationVersionId: &version,
			ApplicationConfigurationUpdate: &types.ApplicationConfigurationUpdate{ApplicationCodeConfigurationUpdate: &types.ApplicationCodeConfigurationUpdate{
				CodeContentUpdate: &types.CodeContentUpdate{TextContentUpdate: &text}}}})
		return err
	}
	var invalid *types.CodeValidationException
	if errors.As(update("SELEC", 1), &invalid) {
		out.Invalid = invalid.ErrorMessage()
	}
	var stale *types.ConcurrentModificationException
	if errors.As(update(*code, 9), &stale) {
		out.Errors["stale"] = stale.ErrorCode()
	}
	start := func() error {
		_, err := client.StartApplication(ctx, &analytics.StartApplicationInput{
			ApplicationName: application, RunConfiguration: &types.RunConfiguration{SqlRunConfigurations: []types.SqlRunConfiguration{{
				InputId: sql.InputDescriptions[0].InputId, InputStartingPositionConfiguration: &types.InputStartingPositionConfiguration{
					InputStartingPosition: types.InputStartingPositionNow}}}}})
		return err
	}
	check(start())
	await(types.ApplicationStatusRunning)
	var running *types.ResourceInUseException
	if errors.As(start(), &running) {
		out.Errors["running"] = running.ErrorCode()
	}
	var flink *types.UnsupportedOperationException
	_, err = client.CreateApplicationSnapshot(ctx, &analytics.CreateApplicationSnapshotInput{ApplicationName: application, SnapshotName: aws.String("s")})
	if errors.As(err, &flink) {
		out.Errors["snapshot"] = flink.ErrorCode()
	}
	os.Stdout.WriteString("{\"running\":true}\n")
	bufio.NewReader(os.Stdin).ReadString('\n')

	_, err = client.StopApplication(ctx, &analytics.StopApplicationInput{ApplicationName: application})
	check(err)
	await(types.ApplicationStatusReady)
	_, err = client.DeleteApplication(ctx, &analytics.DeleteApplicationInput{ApplicationName: application, CreateTimestamp: detail.CreateTimestamp})
	check(err)
	for !out.Gone {
		_, err = describe()
		var gone *types.ResourceNotFoundException
		out.Gone = errors.As(err, &gone)
		time.Sleep(20 * time.Millisecond)
	}
	check(json.NewEncoder(os.Stdout).Encode(out))
}
