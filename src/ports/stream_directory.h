// StreamDirectory: finding the streams of Data Streams by ARN, with the rights of who asks.
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

// Who uses a stream: the account of the service's object, and the user who made it, where users are known. Streams of
// other accounts need a resource policy that allows it.
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
    denied      // another account's, and no policy allows it; also when it does not exist
};

struct FoundStream {
    std::uint64_t uid = 0;  // never used again: a stream that is created again under its name is another
    std::string name;
    std::string arn;
    std::string account;
    TimestampMs created_at;
};

// Thread-safe; owned by the node, outlives what it gives.
class StreamDirectory {
public:
    virtual ~StreamDirectory() = default;
    [[nodiscard]] virtual Expected<FoundStream, StreamFault> find(std::string_view arn, const StreamUser& user,
                                                                  StreamAccess access) const = 0;
    // Follows, or writes to, that very stream with the user's rights. Also when it is gone already: then every call
    // says so.
    [[nodiscard]] virtual std::shared_ptr<RecordSource> source(std::uint64_t stream_uid, const StreamUser& user) = 0;
    [[nodiscard]] virtual std::shared_ptr<RecordSink> sink(std::uint64_t stream_uid, const StreamUser& user) = 0;
};

}  // namespace riacho::ports
