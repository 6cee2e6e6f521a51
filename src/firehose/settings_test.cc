#include "firehose/settings.h"

#include <gtest/gtest.h>

#include "firehose/test_world.h"

namespace riacho::firehose {
namespace {

using Status = api::DeliveryStreamEncryptionStatus;

Settings full_settings() {
    Settings settings = test_settings(7, 70);
    settings.version = 3;
    settings.updated_at = TimestampMs(1'700'000'000'000);
    settings.source = KinesisSource{"stream-arn", "role-arn", 42, "bob", TimestampMs(5)};
    settings.encryption.is_on = true;
    settings.encryption.was_changed = true;
    settings.encryption.key_type = api::KeyType::customer_managed_cmk;
    settings.encryption.key_arn = "key";
    settings.encryption.data_keys = {"one", "two"};
    settings.encryption.changes = {TimestampMs(1), TimestampMs(2)};
    settings.s3.prefix = "p/";
    settings.s3.error_output_prefix = "e/";
    settings.s3.compression_format = api::CompressionFormat::gzip;
    settings.s3.encryption_configuration.no_encryption_config.reset();
    settings.s3.encryption_configuration.kms_encryption_config.emplace().awskms_key_arn = "kms";
    settings.s3.cloud_watch_logging_options.emplace().log_group_name = "g";
    auto& processing = settings.s3.processing_configuration.emplace();
    processing.enabled = true;
    auto& processor = processing.processors.emplace().emplace_back();
    processor.type = api::ProcessorType::append_delimiter_to_record;
    processor.parameters.emplace().push_back({api::ProcessorParameterName::delimiter, "\\n"});
    settings.s3.dynamic_partitioning_configuration.emplace().enabled = false;
    settings.s3.file_extension = ".log";
    settings.s3.custom_time_zone = "Asia/Tokyo";
    return settings;
}

// All members take part: equal bytes mean equal settings.
TEST(Settings, come_back_as_they_went) {
    for (const Settings& settings : {test_settings(), full_settings()}) {
        const std::string bytes = encode(settings);
        const auto decoded = decode_settings(bytes);
        ASSERT_TRUE(decoded);
        EXPECT_EQ(encode(*decoded), bytes);
    }
    const Settings decoded = *decode_settings(encode(full_settings()));
    EXPECT_EQ(decoded.s3.custom_time_zone, "Asia/Tokyo");
    EXPECT_EQ(decoded.s3.processing_configuration->processors->front().parameters->front().parameter_value, "\\n");
    EXPECT_EQ(decoded.source->stream_uid, 42U);
    EXPECT_EQ(decoded.encryption.data_keys.size(), 2U);
    EXPECT_EQ(decoded.bucket(), "bucket");
}

TEST(Settings, that_are_cut_or_of_another_format_are_refused) {
    const std::string bytes = encode(full_settings());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_settings(bytes.substr(0, size))) << size;
    EXPECT_FALSE(decode_settings(bytes + "x"));
    EXPECT_FALSE(decode_settings("\x02" + bytes.substr(1)));
}

// A change takes effect at settled_at; until then records are written as before.
TEST(Encryption, takes_effect_when_it_is_settled) {
    Settings settings = test_settings();
    EXPECT_EQ(settings.encryption_status(TimestampMs(0)), Status::disabled);
    Encryption& encryption = settings.encryption;
    encryption.is_on = true;
    encryption.was_changed = true;
    encryption.settled_at = TimestampMs(100);
    EXPECT_EQ(settings.encryption_status(TimestampMs(99)), Status::enabling);
    EXPECT_FALSE(settings.seals(TimestampMs(99)));
    EXPECT_EQ(settings.encryption_status(TimestampMs(100)), Status::enabled);
    EXPECT_TRUE(settings.seals(TimestampMs(100)));
    encryption.was_on = true;
    encryption.settled_at = TimestampMs(200);
    EXPECT_TRUE(settings.seals(TimestampMs(150))) << "another key: the old one stays in use";
    encryption.is_on = false;
    EXPECT_EQ(settings.encryption_status(TimestampMs(150)), Status::disabling);
    EXPECT_TRUE(settings.seals(TimestampMs(150)));
    EXPECT_EQ(settings.encryption_status(TimestampMs(200)), Status::disabled);
    EXPECT_FALSE(settings.seals(TimestampMs(200)));
}

}  // namespace
}  // namespace riacho::firehose
