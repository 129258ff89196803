// logd: one process, started by caronted, that keeps the XML log. See logd(8).
#include "ipc/schema.h"
#include "logd/logd.h"
#include "logd/sandbox.h"
#include "worker/worker.h"

int main(int argc, char** argv) {
  using namespace caronte;
  worker::Startup startup = worker::adopt(argc, argv, ipc::Role::logd);
  logd::Logd logd(std::move(startup));
  return logd.run(logd::sandbox_policy());
}
