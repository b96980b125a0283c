// Takes a model from `wtserial send` over Serial; the LED is lit as long as one is there.
#include <wtserial.h>

extern "C" void model_describe(struct wt_config *config);  // in model.c

static wt_receiver receiver;
static wt_config config;
static uint8_t frame[64], outbox[128];

static uint16_t on_event(void *, wt_event event, uint16_t, uint16_t) {
  if (event == WT_ACCEPTED) digitalWrite(LED_BUILTIN, LOW);
  if (event == WT_COMPLETE) digitalWrite(LED_BUILTIN, HIGH);
  return event == WT_CHECK ? 500 : 1;  // milliseconds for the digests; and yes, it is stored
}

void setup() {
  Serial.begin(115200);
  pinMode(LED_BUILTIN, OUTPUT);
  model_describe(&config);
  config.frame = frame;
  config.mtu = sizeof frame;
  config.outbox = outbox;
  config.outbox_size = sizeof outbox;
  config.name = "Arduino";
  config.event = on_event;
  // The lowest bits of an input that nothing is connected to.
  uint32_t nonce = micros();
  for (int count = 0; count < 32; count++) nonce = nonce << 1 ^ nonce >> 31 ^ analogRead(A0);
  wt_init(&receiver, &config, nonce);
}

void loop() {
  static uint8_t out[WT_FRAME_SIZE];
  while (Serial.available()) {
    uint8_t byte = Serial.read();
    wt_receive(&receiver, &byte, 1, millis());
  }
  while (uint16_t count = wt_transmit(&receiver, out, millis())) Serial.write(out, count);
}
