#include "aws/operation.h"

namespace riacho::aws {

std::vector<OperationEntry> not_yet(std::span<const OperationInfo> operations) {
    std::vector<OperationEntry> entries;
    entries.reserve(operations.size());
    for (const OperationInfo& operation : operations) entries.push_back({.info = &operation});
    return entries;
}

}  // namespace riacho::aws
