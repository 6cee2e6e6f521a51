// Forward declarations of catalog.
#pragma once

namespace riacho::catalog {
class Catalog;
struct Feed;
class Keyring;
class Snapshot;
struct CredentialState;
struct ShardState;
struct StreamState;
struct Verdict;
}  // namespace riacho::catalog
