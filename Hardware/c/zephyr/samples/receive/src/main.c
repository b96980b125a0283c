/* Takes a model from `wtserial send` over the UART that is the console's otherwise. */
#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/random/random.h>
#include <zephyr/sys/ring_buffer.h>

#include "table.h" /* of your model; for a try that of Hardware/firmware/receiver/tables */
#include "wtserial.h"

static const struct device *const uart = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));
RING_BUF_DECLARE(ring, 512);
K_SEM_DEFINE(arrived, 0, 1);

static struct wt_receiver receiver;
static struct wt_state states[MODEL_TENSORS];
static WT_ALIGNED uint8_t image[MODEL_IMAGE_SIZE], frame[262], outbox[192];

static void on_interrupt(const struct device *device, void *unused)
{
    uint8_t bytes[16];
    int count;
    ARG_UNUSED(unused);
    while (uart_irq_update(device) && uart_irq_rx_ready(device)
           && (count = uart_fifo_read(device, bytes, sizeof bytes)) > 0)
        ring_buf_put(&ring, bytes, count);
    k_sem_give(&arrived);
}

static uint16_t on_event(void *context, enum wt_event event, uint16_t first, uint16_t second)
{
    ARG_UNUSED(context);
    ARG_UNUSED(first);
    ARG_UNUSED(second);
    /* WT_MILESTONE: the model is usable; WT_COMPLETE: it is whole, and is kept. */
    return event == WT_COMPLETE;
}

static const struct wt_config config = {
    .table = model, .table_size = sizeof model, .states = states,
    .image = image, .frame = frame, .mtu = sizeof frame,
    .outbox = outbox, .outbox_size = sizeof outbox,
    .name = CONFIG_BOARD, .event = on_event,
};

int main(void)
{
    uint8_t bytes[64], out[WT_FRAME_SIZE];
    uint32_t count;

    uart_irq_callback_user_data_set(uart, on_interrupt, NULL);
    uart_irq_rx_enable(uart);
    wt_init(&receiver, &config, sys_rand32_get());
    for (;;) {
        uint32_t wait = wt_deadline(&receiver, k_uptime_get_32());
        k_sem_take(&arrived, K_MSEC(wait < 1000 ? wait : 1000));
        while ((count = ring_buf_get(&ring, bytes, sizeof bytes)) > 0)
            wt_receive(&receiver, bytes, (uint16_t)count, k_uptime_get_32());
        while ((count = wt_transmit(&receiver, out, k_uptime_get_32())) > 0)
            for (uint32_t i = 0; i < count; i++)
                uart_poll_out(uart, out[i]);
    }
}
