// A tour through Kinesis with the AWS SDK for Go v2: tour URL STREAM. Prints its observations as one JSON object.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const firstShard = "shardId-000000000000"

type record struct {
	Number    string `json:"number"`
	Key       string `json:"key"`
	Data      []byte `json:"data"`
	ArrivedMs int64  `json:"arrived_ms"`
}

type failure struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Status  int    `json:"status"`
}

type tour struct {
	kinesis *kinesis.Client
	stream  *string

	Arn       string             `json:"arn"`
	CreatedMs int64              `json:"created_ms"`
	Failed    int32              `json:"failed"`
	Put       []string           `json:"put"`
	Read      []record           `json:"read"`
	Errors    map[string]failure `json:"errors"`
	Pushed    []record           `json:"pushed"`
	Children  []string           `json:"children"`
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func blob(size int) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(i*31 + size)
	}
	return bytes
}

func describe(from types.Record) record {
	return record{*from.SequenceNumber, *from.PartitionKey, from.Data, from.ApproximateArrivalTimestamp.UnixMilli()}
}

func (t *tour) create(ctx context.Context) {
	must(t.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: t.stream, ShardCount: aws.Int32(2)}))
	for {
		summary := must(t.kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: t.stream})).
			StreamDescriptionSummary
		if summary.StreamStatus == types.StreamStatusActive {
			t.Arn, t.CreatedMs = *summary.StreamARN, summary.StreamCreationTimestamp.UnixMilli()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (t *tour) put(ctx context.Context) {
	first := must(t.kinesis.PutRecord(ctx, &kinesis.PutRecordInput{
		StreamName: t.stream, PartitionKey: aws.String("first"), ExplicitHashKey: aws.String("0"), Data: blob(256)}))
	t.Put = append(t.Put, *first.SequenceNumber)
	entries := []types.PutRecordsRequestEntry{}
	for _, size := range []int{0, 1, 256, 1_000_000} {
		key := fmt.Sprintf("ação-%d", size)
		entries = append(entries, types.PutRecordsRequestEntry{PartitionKey: &key, Data: blob(size)})
	}
	reply := must(t.kinesis.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: t.stream, Records: entries}))
	t.Failed = *reply.FailedRecordCount
	for _, entry := range reply.Records {
		t.Put = append(t.Put, *entry.SequenceNumber)
	}
}

func (t *tour) read(ctx context.Context) {
	for _, shard := range must(t.kinesis.ListShards(ctx, &kinesis.ListShardsInput{StreamName: t.stream})).Shards {
		position := must(t.kinesis.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
			StreamName: t.stream, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})).ShardIterator
		for {
			reply := must(t.kinesis.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: position, Limit: aws.Int32(2)}))
			for _, got := range reply.Records {
				t.Read = append(t.Read, describe(got))
			}
			if len(reply.Records) == 0 && *reply.MillisBehindLatest == 0 {
				break
			}
			position = reply.NextShardIterator
		}
	}
}

func failed(err error) failure {
	var api smithy.APIError
	var reply *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &reply) {
		log.Fatalf("not an error of the service: %v", err)
	}
	kind := fmt.Sprintf("%T", api)
	return failure{kind[strings.LastIndex(kind, ".")+1:], api.ErrorCode(), api.ErrorMessage(), reply.HTTPStatusCode()}
}

func (t *tour) fail(ctx context.Context) {
	_, missing := t.kinesis.DescribeStreamSummary(ctx,
		&kinesis.DescribeStreamSummaryInput{StreamName: aws.String(*t.stream + "-missing")})
	_, taken := t.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: t.stream, ShardCount: aws.Int32(1)})
	_, iterator := t.kinesis.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: aws.String("garbage")})
	_, invalid := t.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("no spaces"), ShardCount: aws.Int32(1)})
	t.Errors = map[string]failure{
		"missing": failed(missing), "taken": failed(taken), "iterator": failed(iterator), "invalid": failed(invalid)}
}

func (t *tour) consumer(ctx context.Context) *string {
	arn := must(t.kinesis.RegisterStreamConsumer(ctx,
		&kinesis.RegisterStreamConsumerInput{StreamARN: &t.Arn, ConsumerName: aws.String("tour")})).Consumer.ConsumerARN
	for must(t.kinesis.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{ConsumerARN: arn})).
		ConsumerDescription.ConsumerStatus != types.ConsumerStatusActive {
		time.Sleep(20 * time.Millisecond)
	}
	return arn
}

// Subscribes to the first shard, writes to it, and splits it: the subscription ends with its children. The SDK may drop an HTTP/1.1
// connection whose answer begins before the request is put away; then it subscribes anew, as consumers do when a subscription ends.
func (t *tour) subscribe(ctx context.Context) {
	consumer := t.consumer(ctx)
	for {
		reply, err := t.kinesis.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{ConsumerARN: consumer, ShardId: aws.String(firstShard),
			StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}})
		var busy *types.ResourceInUseException
		if errors.As(err, &busy) {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if err = t.follow(ctx, must(reply, err).GetStream()); err == nil {
			return
		}
		if len(t.Pushed) > 0 {
			log.Fatal(err)
		}
	}
}

func (t *tour) follow(ctx context.Context, events *kinesis.SubscribeToShardEventStream) error {
	defer events.Close()
	live, split := false, false
	for received := range events.Events() {
		event := received.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value
		for _, got := range event.Records {
			t.Pushed = append(t.Pushed, describe(got))
		}
		if !live && *event.MillisBehindLatest == 0 {
			live = true
			must(t.kinesis.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: t.stream, PartitionKey: aws.String("live"),
				ExplicitHashKey: aws.String("1"), Data: blob(256)}))
		} else if !split && len(t.Pushed) > 0 && t.Pushed[len(t.Pushed)-1].Key == "live" {
			split = true
			must(t.kinesis.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: t.stream, ShardToSplit: aws.String(firstShard),
				NewStartingHashKey: aws.String("1000")}))
		}
		for _, child := range event.ChildShards {
			t.Children = append(t.Children, *child.ShardId)
		}
	}
	return events.Err()
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cfg := must(config.LoadDefaultConfig(ctx))
	client := kinesis.NewFromConfig(cfg, func(o *kinesis.Options) { o.BaseEndpoint = aws.String(os.Args[1]) })
	t := &tour{kinesis: client, stream: aws.String(os.Args[2])}
	t.create(ctx)
	t.put(ctx)
	t.read(ctx)
	t.fail(ctx)
	t.subscribe(ctx)
	must(0, json.NewEncoder(os.Stdout).Encode(t))
}
