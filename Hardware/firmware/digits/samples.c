// The images are part of the program.
#include "../../digits-samples/digits_samples.c"
