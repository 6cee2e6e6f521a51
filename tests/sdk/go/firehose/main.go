// A tour through Data Firehose with the AWS SDK for Go v2: firehose URL STREAM. Prints what it saw as one JSON object.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

type seen struct {
	Arn       string `json:"arn"`
	Version   string `json:"version"`
	CreatedMs int64  `json:"created_ms"`
	Failed    int32  `json:"failed"`
	Ids       int    `json:"ids"`
	Encrypted bool   `json:"encrypted"`
	Missing   string `json:"missing"`
	Conflict  string `json:"conflict"`
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func waitActive(client *firehose.Client, stream *string) *types.DeliveryStreamDescription {
	for {
		reply, err := client.DescribeDeliveryStream(context.Background(), &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: stream})
		check(err)
		if reply.DeliveryStreamDescription.DeliveryStreamStatus == types.DeliveryStreamStatusActive {
			return reply.DeliveryStreamDescription
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func main() {
	ctx := context.Background()
	url, stream := os.Args[1], &os.Args[2]
	loaded, err := config.LoadDefaultConfig(ctx)
	check(err)
	client := firehose.NewFromConfig(loaded, func(o *firehose.Options) {
		o.BaseEndpoint = &url
		o.RetryMaxAttempts = 1
	})
	var out seen
	created, err := client.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{
		DeliveryStreamName: stream,
		ExtendedS3DestinationConfiguration: &types.ExtendedS3DestinationConfiguration{
			RoleARN: aws.String("arn:aws:iam::000000000000:role/f"), BucketARN: aws.String("arn:aws:s3:::files"), Prefix: aws.String("go/"),
			CompressionFormat: types.CompressionFormatGzip,
			BufferingHints:    &types.BufferingHints{SizeInMBs: aws.Int32(1), IntervalInSeconds: aws.Int32(0)},
		},
	})
	check(err)
	out.Arn = *created.DeliveryStreamARN
	description := waitActive(client, stream)
	out.Version, out.CreatedMs = *description.VersionId, description.CreateTimestamp.UnixMilli()

	records := make([]types.Record, 500)
	for i := range records {
		records[i].Data = []byte(fmt.Sprintf("r%d\n", i))
	}
	batch, err := client.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{DeliveryStreamName: stream, Records: records})
	check(err)
	out.Failed = *batch.FailedPutCount
	ids := map[string]bool{}
	for _, entry := range batch.RequestResponses {
		ids[*entry.RecordId] = true
	}
	out.Ids = len(ids)

	_, err = client.StartDeliveryStreamEncryption(ctx, &firehose.StartDeliveryStreamEncryptionInput{DeliveryStreamName: stream})
	check(err)
	for description.DeliveryStreamEncryptionConfiguration == nil ||
		description.DeliveryStreamEncryptionConfiguration.Status != types.DeliveryStreamEncryptionStatusEnabled {
		description = waitActive(client, stream)
	}
	one, err := client.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: stream, Record: &types.Record{Data: []byte("sealed\n")}})
	check(err)
	out.Encrypted = *one.Encrypted

	var missing *types.ResourceNotFoundException
	_, err = client.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: aws.String("missing"), Record: &types.Record{Data: []byte("x")}})
	if errors.As(err, &missing) {
		out.Missing = missing.ErrorMessage()
	}
	var conflict *types.ConcurrentModificationException
	_, err = client.UpdateDestination(ctx, &firehose.UpdateDestinationInput{
		DeliveryStreamName: stream, CurrentDeliveryStreamVersionId: aws.String("7"), DestinationId: description.Destinations[0].DestinationId,
		ExtendedS3DestinationUpdate: &types.ExtendedS3DestinationUpdate{Prefix: aws.String("go2/")},
	})
	if errors.As(err, &conflict) {
		out.Conflict = conflict.ErrorMessage()
	}
	check(json.NewEncoder(os.Stdout).Encode(out))
}
