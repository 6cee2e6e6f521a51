// Every operation of every model, for tests and fuzz targets.
#pragma once

#include <span>

#include "wire/fwd.h"

namespace riacho::aws {
struct OperationInfo;
struct ServiceModel;
}  // namespace riacho::aws

namespace riacho::api {

// A type-erased operation: a test template compiled for each operation would take minutes.
struct AnyOperation {
    const aws::ServiceModel* model;
    const aws::OperationInfo* info;
    const wire::Shape* input_shape;
    // Calls use(input, context) with a fresh input of the operation's type.
    void (*with_input)(void (*use)(void* input, void* context), void* context);
};

std::span<const AnyOperation> all_operations();

// Calls visit(void* input) with a fresh input of the operation.
template <class Visit>
void visit_input(const AnyOperation& operation, Visit visit) {
    operation.with_input([](void* input, void* context) { (*static_cast<Visit*>(context))(input); }, &visit);
}

}  // namespace riacho::api
