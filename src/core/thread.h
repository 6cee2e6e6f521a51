// begin_thread: the first call of every long-lived thread.
#pragma once

namespace riacho::core {

// Names the calling thread (at most 15 characters) and asks the scheduler to treat it as work in batches: a wake-up
// does not take the processor from a thread that runs. When all processors are busy, requests then gather into larger
// groups: fewer switches, fewer writes to the disk, a fifth more PutRecords (docs/performance.md); on an idle machine
// nothing changes.
void begin_thread(const char* name);

// The calling thread gets less of a processor that others want as well.
void give_way();

}  // namespace riacho::core
