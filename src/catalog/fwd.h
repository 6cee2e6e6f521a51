// Forward declarations of catalog.
#pragma once

namespace riacho::catalog {
class Catalog;
class Keyring;
class Snapshot;
struct CredentialState;
struct ShardState;
struct StreamState;
struct Verdict;
}  // namespace riacho::catalog
