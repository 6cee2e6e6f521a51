#include "sql/state/row_codec.h"

#include <bit>

namespace riacho::sql {

void encode_rows(const Batch& batch, std::uint32_t from, std::span<const Type> types, Encoder& out) {
    out.varint(batch.rows - from);
    for (std::uint32_t row = from; row < batch.rows; ++row) out.time(batch.time_of(row));
    for (std::size_t i = 0; i < types.size(); ++i) {
        const Vector* column = batch.columns[i].get();
        out.number(static_cast<std::uint8_t>(column != nullptr));
        if (column == nullptr) continue;
        for (std::uint32_t row = from; row < batch.rows; ++row) {
            out.number(static_cast<std::uint8_t>(!column->is_null(row)));
            if (column->is_null(row)) continue;
            switch (column->physical()) {
                case Physical::boolean:
                    out.number(column->values<std::uint8_t>()[row]);
                    break;
                case Physical::exact:
                    out.number(static_cast<std::uint64_t>(column->values<std::int64_t>()[row]));
                    break;
                case Physical::real:
                    out.number(std::bit_cast<std::uint64_t>(column->values<double>()[row]));
                    break;
                case Physical::string:
                    out.text(column->values<std::string_view>()[row]);
                    break;
            }
        }
    }
}

BatchRef decode_rows(std::span<const Type> types, Decoder& in) {
    const std::size_t rows = in.count();
    if (!in.ok() || rows == 0 || rows > batch_rows_max) return nullptr;
    auto batch = std::make_shared<Batch>();
    auto arena = std::make_shared<Arena>();
    batch->rows = static_cast<std::uint32_t>(rows);
    auto rowtime = std::make_shared<Vector>(simple_type(Kind::timestamp, false));
    for (std::size_t row = 0; row < rows; ++row) rowtime->values<std::int64_t>()[row] = in.time().value();
    batch->rowtime = std::move(rowtime);
    for (const Type& type : types) {
        if (in.number<std::uint8_t>() != 1) {
            batch->columns.push_back(nullptr);
            continue;
        }
        auto column = std::make_shared<Vector>(type);
        for (std::uint32_t row = 0; row < rows && in.ok(); ++row) {
            if (in.number<std::uint8_t>() != 1) {
                column->set_null(row);
                continue;
            }
            switch (column->physical()) {
                case Physical::boolean:
                    column->values<std::uint8_t>()[row] = in.number<std::uint8_t>() & 1;
                    break;
                case Physical::exact:
                    column->values<std::int64_t>()[row] = static_cast<std::int64_t>(in.number<std::uint64_t>());
                    break;
                case Physical::real:
                    column->values<double>()[row] = std::bit_cast<double>(in.number<std::uint64_t>());
                    break;
                case Physical::string:
                    column->values<std::string_view>()[row] = arena->copy(in.text());
                    break;
            }
        }
        batch->columns.push_back(std::move(column));
    }
    batch->arenas.push_back(std::move(arena));
    return in.ok() ? batch : nullptr;
}

}  // namespace riacho::sql
