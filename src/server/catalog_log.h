// CatalogLog: debug lines for each stream and other resource that is created or deleted.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "catalog/catalog.h"

namespace riacho::server {

class CatalogLog {
public:
    // The catalog outlives this. Resources that exist already are not logged.
    explicit CatalogLog(const catalog::Catalog& catalog);

    // Catalog::on_publish.
    void on_publish(const catalog::Feed& feed);

private:
    const catalog::Catalog& catalog_;
    std::unordered_map<std::uint64_t, bool> known_;  // by uid; true: its deletion was logged. Empty without debug lines
};

}  // namespace riacho::server
