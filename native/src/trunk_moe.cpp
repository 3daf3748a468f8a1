// Router, shared expert, combine and logits.
#include <cstring>

#include "trunk.h"

using namespace pangu;

namespace {

pangu_status check_trunk(const pangu_trunk *t, int32_t rows) {
    if (t == nullptr) return fail(PANGU_NULL_ARGUMENT, "trunk is null");
    return check_rows(rows, t->max_rows);
}

// Norm, and the row as experts will read it.
void encode_row(pangu_trunk &t, const TrunkLayer &l, const float *hidden, int64_t r, uint8_t *activation) {
    const Kernels &k = *t.machine.kernels;
    int32_t n = t.shape.hidden;
    float *m = t.normed.row(r);
    k.rms(hidden + r * n, l.post_norm, n, t.shape.rms_epsilon, m);
    if (!t.quantized) {
        memcpy(activation, m, (size_t)n * 4);
        return;
    }
    float scale;
    k.quantize(m, n, n, (int8_t *)activation, &scale);
    memcpy(activation + n, &scale, 4);
}

}  // namespace

extern "C" PANGU_API pangu_status pangu_trunk_route(pangu_trunk *trunk, int32_t layer, int32_t rows, const float *hidden,
                                                    int64_t hidden_length, void *activations, int64_t activation_bytes, int32_t *experts,
                                                    int64_t experts_length, float *weights, int64_t weights_length) {
    PANGU_TRY(check_trunk(trunk, rows));
    pangu_trunk &t = *trunk;
    const pangu_shape &s = t.shape;
    int64_t row_bytes = encoded_bytes(s.hidden, t.quantized), picks = (int64_t)rows * s.experts_per_token;
    PANGU_TRY(check_layer(layer, s.layers));
    PANGU_TRY(check_length("hidden", hidden, hidden_length, (int64_t)rows * s.hidden));
    PANGU_TRY(check_length("activations", activations, activation_bytes, rows * row_bytes));
    PANGU_TRY(check_length("experts", experts, experts_length, picks));
    PANGU_TRY(check_length("weights", weights, weights_length, picks));
    const TrunkLayer &l = t.layers[layer];
    t.machine.pool.each(rows, s.hidden * 8LL,
                        [&](int64_t r, int) { encode_row(t, l, hidden, r, (uint8_t *)activations + r * row_bytes); });
    dense(t.machine, l.gate, t.normed.float_rows(), rows, {t.gate.data(), s.experts, false});
    t.machine.pool.each(rows, s.experts * 64LL, [&](int64_t r, int thread) {
        RouteArgs a;
        a.gate = t.gate.data() + r * s.experts;
        a.router_scale = l.router_scale;
        a.experts = s.experts;
        a.groups = s.groups;
        a.per_group = s.experts / s.groups;
        a.chosen = t.chosen();
        a.scores = t.machine.scratch_of(thread);
        a.ids = experts + r * a.chosen;
        a.weights = weights + r * a.chosen;
        a.group_stride = (int64_t)rows * a.chosen;
        t.machine.kernels->route(a);
    });
    return PANGU_OK;
}

extern "C" PANGU_API pangu_status pangu_trunk_shared(pangu_trunk *trunk, int32_t layer, int32_t rows, const void *activations,
                                                     int64_t activation_bytes, float *shared, int64_t shared_length) {
    PANGU_TRY(check_trunk(trunk, rows));
    pangu_trunk &t = *trunk;
    const pangu_shape &s = t.shape;
    int64_t row_bytes = encoded_bytes(s.hidden, t.quantized);
    PANGU_TRY(check_layer(layer, s.layers));
    PANGU_TRY(check_length("activations", activations, activation_bytes, rows * row_bytes));
    PANGU_TRY(check_length("shared", shared, shared_length, (int64_t)rows * s.hidden));
    const TrunkLayer &l = t.layers[layer];
    const Kernels &k = *t.machine.kernels;
    t.machine.pool.each(rows, row_bytes, [&](int64_t r, int) { t.normed.take_encoded(k, r, (const uint8_t *)activations + r * row_bytes); });
    swiglu(t.machine, l.shared_gate_up, t.normed.rows(), rows, t.intermediate.row(0), t.intermediate.stride());
    t.machine.pool.each(rows, s.shared_intermediate * 8LL, [&](int64_t r, int) { t.intermediate.prepare(k, r); });
    dense(t.machine, l.shared_down, t.intermediate.rows(), rows, {shared, s.hidden, false});
    return PANGU_OK;
}

extern "C" PANGU_API pangu_status pangu_trunk_combine(pangu_trunk *trunk, int32_t rows, const void *outputs, int64_t output_bytes,
                                                      const float *shared, int64_t shared_length, float *hidden, int64_t hidden_length) {
    PANGU_TRY(check_trunk(trunk, rows));
    pangu_trunk &t = *trunk;
    const pangu_shape &s = t.shape;
    int64_t row_bytes = s.hidden * (t.group_output_type == PANGU_F32 ? 4LL : 2LL), group_bytes = rows * row_bytes;
    PANGU_TRY(check_length("outputs", outputs, output_bytes, group_bytes * s.groups));
    PANGU_TRY(check_aligned("outputs", outputs, row_bytes / s.hidden));
    PANGU_TRY(check_length("shared", shared, shared_length, (int64_t)rows * s.hidden));
    PANGU_TRY(check_length("hidden", hidden, hidden_length, (int64_t)rows * s.hidden));
    t.machine.pool.each(rows, row_bytes * (s.groups + 4), [&](int64_t r, int) {
        t.machine.kernels->combine(t.group_output_type, (const uint8_t *)outputs + r * row_bytes, group_bytes, s.groups,
                                   shared + r * s.hidden, s.hidden, hidden + r * s.hidden);
    });
    return PANGU_OK;
}

extern "C" PANGU_API pangu_status pangu_trunk_logits(pangu_trunk *trunk, const pangu_batch *batch, const float *hidden,
                                                     int64_t hidden_length, float *logits, int64_t logits_length) {
    if (batch == nullptr) return fail(PANGU_NULL_ARGUMENT, "batch is null");
    PANGU_TRY(check_aligned("batch", batch, alignof(pangu_batch)));
    PANGU_TRY(check_trunk(trunk, batch->rows));
    pangu_trunk &t = *trunk;
    const pangu_shape &s = t.shape;
    int32_t count = batch->logit_count;
    if (count < 0 || count > batch->rows) return fail(PANGU_OUT_OF_RANGE, "logit_count is %d; it must be 0 to %d", count, batch->rows);
    if (count == 0) return PANGU_OK;
    PANGU_TRY(check_length("hidden", hidden, hidden_length, (int64_t)batch->rows * s.hidden));
    PANGU_TRY(check_length("logits", logits, logits_length, (int64_t)count * s.vocab));
    if (!batch->logit_rows) return fail(PANGU_NULL_ARGUMENT, "logit_rows is null");
    PANGU_TRY(check_aligned("logit_rows", batch->logit_rows, alignof(int32_t)));
    for (int32_t i = 0; i < count; i++)
        if (batch->logit_rows[i] < 0 || batch->logit_rows[i] >= batch->rows)
            return fail(PANGU_OUT_OF_RANGE, "logit_rows[%d] is %d; it must be 0 to %d", i, batch->logit_rows[i], batch->rows - 1);
    const Kernels &k = *t.machine.kernels;
    t.machine.pool.each(count, s.hidden * 8LL, [&](int64_t i, int) {
        k.rms(hidden + (int64_t)batch->logit_rows[i] * s.hidden, t.final_norm, s.hidden, s.rms_epsilon, t.normed.row(i));
        t.normed.prepare(k, i);
    });
    dense(t.machine, t.head, t.normed.rows(), count, {logits, s.vocab, false});
    return PANGU_OK;
}
