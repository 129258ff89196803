// Prints the reference part of caronte.xml(5), to be put between its two markers when the settings table has changed.
#include <iostream>

#include "settings_manual.h"

int main() {
  std::cout << caronte::config::settings_manual();
  return 0;
}
