// config-reader without the rest of caronted.
#include "master/config_reader.h"

int main(int argc, char** argv) {
  if (argc != 4 || argv[1] != caronte::master::kConfigReaderOption) return 64;
  return caronte::master::run_config_reader(argv[2], argv[3]);
}
