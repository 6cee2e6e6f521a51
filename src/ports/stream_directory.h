// StreamDirectory: finds streams of Data Streams by ARN and checks the rights of the user.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace riacho::ports {

class RecordSource;
class RecordSink;

// The account of the object that uses the stream, and the user who made the object, if users are known. Streams of
// other accounts need a resource policy that allows the access.
struct StreamUser {
    std::string account;
    std::string user;
};

enum class StreamAccess : std::uint8_t {
    read,  // kinesis:GetRecords
    write  // kinesis:PutRecords
};

enum class StreamFault : std::uint8_t {
    not_an_arn,
    missing,    // there is none, or it is being deleted
    not_ready,  // it is CREATING
    denied      // it belongs to another account and no policy allows the access; also when it does not exist
};

struct FoundStream {
    std::uint64_t uid = 0;  // never used again: a new stream of the same name has another uid
    std::string name;
    std::string arn;
    std::string account;
    TimestampMs created_at;
};

// Thread-safe; owned by the node, outlives the sources and sinks that it makes.
class StreamDirectory {
public:
    virtual ~StreamDirectory() = default;
    [[nodiscard]] virtual Expected<FoundStream, StreamFault> find(std::string_view arn, const StreamUser& user,
                                                                  StreamAccess access) const = 0;
    // A source or a sink of the stream with this uid, with the user's rights. When the stream was deleted, every call
    // on it fails.
    [[nodiscard]] virtual std::shared_ptr<RecordSource> source(std::uint64_t stream_uid, const StreamUser& user) = 0;
    [[nodiscard]] virtual std::shared_ptr<RecordSink> sink(std::uint64_t stream_uid, const StreamUser& user) = 0;
};

}  // namespace riacho::ports
