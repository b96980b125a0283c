/* Takes a model from `wtserial send` over UART 1, so that the log keeps UART 0. */
#include <driver/uart.h>
#include <esp_random.h>
#include <esp_timer.h>
#include <freertos/FreeRTOS.h>

#include "table.h" /* of your model; for a try that of Hardware/firmware/receiver/tables */
#include "wtserial.h"

#define PORT UART_NUM_1
#define PIN_OUT 17
#define PIN_IN 16

static struct wt_receiver receiver;
static struct wt_state states[MODEL_TENSORS];
static WT_ALIGNED uint8_t image[MODEL_IMAGE_SIZE], frame[262], outbox[192];

static uint32_t milliseconds(void)
{
    return (uint32_t)(esp_timer_get_time() / 1000);
}

static uint16_t on_event(void *context, enum wt_event event, uint16_t first, uint16_t second)
{
    (void)context, (void)first, (void)second;
    /* WT_MILESTONE: the model is usable; WT_COMPLETE: it is whole, and is kept. */
    return event == WT_COMPLETE;
}

static const struct wt_config config = {
    .table = model, .table_size = sizeof model, .states = states,
    .image = image, .frame = frame, .mtu = sizeof frame,
    .outbox = outbox, .outbox_size = sizeof outbox,
    .name = "ESP32", .event = on_event,
};

void app_main(void)
{
    const uart_config_t line = {
        .baud_rate = 115200, .data_bits = UART_DATA_8_BITS, .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1, .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
    };
    uint8_t bytes[64], out[WT_FRAME_SIZE];
    int count;

    ESP_ERROR_CHECK(uart_driver_install(PORT, 1024, 0, 0, NULL, 0));
    ESP_ERROR_CHECK(uart_param_config(PORT, &line));
    ESP_ERROR_CHECK(uart_set_pin(PORT, PIN_OUT, PIN_IN, UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE));
    wt_init(&receiver, &config, esp_random());
    for (;;) {
        /* One byte at least, then what else is there: a longer read would wait for all of it. */
        count = uart_read_bytes(PORT, bytes, 1, pdMS_TO_TICKS(20));
        if (count > 0)
            count += uart_read_bytes(PORT, bytes + 1, sizeof bytes - 1, 0);
        if (count > 0)
            wt_receive(&receiver, bytes, (uint16_t)count, milliseconds());
        while ((count = wt_transmit(&receiver, out, milliseconds())) > 0)
            uart_write_bytes(PORT, out, (size_t)count);
    }
}
