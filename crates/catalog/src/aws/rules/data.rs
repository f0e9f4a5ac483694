//! Where data lies: objects, tables, queues, logs, names.

use holdpoint_core::Effect::{Create, Destroy, Execute, Modify, Observe, Remove};

use super::{
    Rule,
    When::{Any, Given, Is},
    rule,
};

pub(super) const RULES: &[Rule] = &[
    // S3. A version that is named is gone; otherwise a bucket with versions keeps it.
    rule(&["s3"], &["DeleteObject"], Destroy).when(Given("versionId")),
    rule(&["s3"], &["DeleteObject"], Remove),
    rule(&["s3"], &["DeleteObjects"], Destroy),
    rule(&["s3"], &["DeleteBucket"], Destroy),
    rule(&["s3"], &["PutObject", "CompleteMultipartUpload", "CopyObject", "RenameObject"], Create)
        .when(Is("if-none-match", "*")),
    rule(&["s3"], &["PutObject", "CopyObject", "CompleteMultipartUpload", "RenameObject"], Modify),
    // Parts are nothing until they are put together.
    rule(&["s3"], &["CreateMultipartUpload", "UploadPart", "UploadPartCopy"], Create),
    rule(&["s3"], &["AbortMultipartUpload"], Modify).inverse(),
    rule(&["s3"], &["CreateBucket"], Create),
    rule(&["s3"], &["RestoreObject"], Modify),
    rule(&["s3"], &["SelectObjectContent"], Observe),
    rule(
        &["s3"],
        &["PutObjectTagging", "PutBucketTagging", "DeleteObjectTagging", "DeleteBucketTagging"],
        Modify,
    )
    .inverse(),
    rule(
        &["s3"],
        &["PutBucketCors", "PutBucketNotification*", "PutBucketEncryption", "PutBucketLogging"],
        Modify,
    )
    .inverse(),
    rule(&["s3"], &["DeleteBucketCors", "DeleteBucketWebsite"], Remove).inverse(),
    rule(&["s3control"], &["CreateJob"], Execute),
    // DynamoDB.
    rule(&["dynamodb"], &["DeleteTable"], Destroy),
    rule(&["dynamodb"], &["DeleteItem"], Remove),
    rule(&["dynamodb"], &["BatchWriteItem"], Remove).when(Given("*DeleteRequest")),
    rule(&["dynamodb"], &["TransactWriteItems"], Remove).when(Given("*Delete")),
    rule(&["dynamodb"], &["PutItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems"], Modify),
    rule(&["dynamodb"], &["TransactGetItems", "BatchGetItem"], Observe),
    rule(
        &["dynamodb"],
        &["ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"],
        Execute,
    ),
    rule(&["dynamodb"], &["CreateBackup", "CreateTable"], Create),
    // SQL that is sent as text.
    rule(&["rds-data", "redshift-data"], &["Execute*", "BatchExecuteStatement"], Execute),
    rule(&["rds-data"], &["CommitTransaction", "BeginTransaction", "RollbackTransaction"], Modify),
    rule(&["athena"], &["StartQueryExecution"], Execute),
    rule(&["timestream-query"], &["Query"], Observe),
    // Queues and topics: to have read a message is to take it off.
    rule(&["sqs"], &["SendMessage", "SendMessageBatch"], Create),
    rule(&["sqs"], &["ReceiveMessage", "ChangeMessageVisibility*"], Modify),
    rule(&["sqs"], &["DeleteMessage", "DeleteMessageBatch"], Modify),
    rule(&["sqs"], &["PurgeQueue", "DeleteQueue"], Destroy),
    rule(&["sns"], &["Publish", "PublishBatch"], Create),
    rule(&["kinesis", "firehose"], &["PutRecord", "PutRecords", "PutRecordBatch"], Create),
    rule(&["kinesis"], &["DecreaseStreamRetentionPeriod"], Destroy),
    rule(&["logs"], &["PutLogEvents", "CreateLogStream", "CreateLogGroup"], Create),
    rule(&["logs"], &["FilterLogEvents", "StartQuery", "StopQuery", "StartLiveTail"], Observe),
    rule(&["cloudwatch"], &["PutMetricData"], Create),
    rule(&["xray"], &["PutTraceSegments", "PutTelemetryRecords"], Create),
    rule(&["events"], &["PutEvents"], Create),
    // Names.
    rule(&["route53"], &["ChangeResourceRecordSets"], Remove).when(Any("*Action", "DELETE")),
    rule(&["route53"], &["ChangeResourceRecordSets"], Modify),
    // Images.
    rule(&["ecr"], &["BatchCheckLayerAvailability", "GetDownloadUrlForLayer"], Observe),
    rule(&["ecr"], &["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"], Create),
    rule(&["ssm"], &["DeleteParameter", "DeleteParameters"], Destroy),
    rule(&["ssm"], &["PutParameter"], Modify).when(Any("Overwrite", "true")),
    rule(&["ssm"], &["PutParameter"], Create),
];
