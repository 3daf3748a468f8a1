// One layer through the C interface, call by call: milliseconds and fraction of the int8 peak (probed in the same rounds), so that a loss
// shows where it is. Every round runs every call once; medians over rounds. With one thread times are processor time, so that neighbours
// on the machine count less.
// usage: stage_bench [big|small] [rows] [rounds] [threads] [isa] [context] [pages] [kv]
// context 0: a prompt of `rows`; else: `rows` sequences at that position. pages: 2m (default), 4k, or file (a mapped file, as a model is). kv: bf16 (default) or int8
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../include/pangu.h"
#include "../src/memory.h"
#include "../src/pool.h"
#include "../src/trunk.h"

namespace {

clockid_t clock_used = CLOCK_MONOTONIC;

double now() {
    timespec t;
    clock_gettime(clock_used, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct File {
    int64_t length = 0;
    int64_t take(int64_t bytes) {
        int64_t at = length;
        length = (at + bytes + 63) & ~63LL;
        return at;
    }
    pangu_tensor tensor(int32_t type, int outputs, int inputs, bool paired, bool bias) {
        pangu_tensor t = {type, outputs, inputs, paired, 0, -1, -1};
        int64_t panels = (outputs + 63) / 64 * (paired ? 2 : 1);
        t.offset = take(panels * 64 * inputs * (type == PANGU_I8 ? 1 : 4));
        t.scales_offset = take(panels * 256);
        if (bias) t.bias_offset = take(panels * 256);
        return t;
    }
};

struct Model {
    pangu_shape shape;
    File trunk_file, group_file;
    pangu::Buffer<uint8_t> trunk_bytes, group_bytes;
    pangu_trunk_layer layer;
    std::vector<pangu_expert> experts;
    std::vector<float> rope;
    pangu_trunk *trunk = nullptr;
    pangu_group *group = nullptr;

    void lay_out() {
        const pangu_shape &s = shape;
        int width = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
        layer.input_norm = trunk_file.take(s.hidden * 4), layer.post_norm = trunk_file.take(s.hidden * 4);
        layer.router_scale = trunk_file.take(s.experts * 4);
        layer.qkv = trunk_file.tensor(PANGU_I8, width + 2 * kv, s.hidden, false, true);
        layer.output = trunk_file.tensor(PANGU_I8, s.hidden, width, false, true);
        layer.gate = trunk_file.tensor(PANGU_F32, s.experts, s.hidden, false, false);
        layer.shared_gate_up = trunk_file.tensor(PANGU_I8, s.shared_intermediate, s.hidden, true, false);
        layer.shared_down = trunk_file.tensor(PANGU_I8, s.hidden, s.shared_intermediate, false, false);
        for (int e = 0; e < s.experts / s.groups; e++)
            experts.push_back({group_file.tensor(PANGU_I8, s.expert_intermediate, s.hidden, true, false),
                               group_file.tensor(PANGU_I8, s.hidden, s.expert_intermediate, false, false)});
    }
    static void fill(uint8_t *base, const pangu_tensor &t, uint64_t &seed) {
        int64_t lanes = (t.outputs + 63) / 64 * (t.paired ? 2 : 1) * 64;
        for (int64_t i = 0; i < lanes * t.inputs; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            if (t.type == PANGU_I8) base[t.offset + i] = (uint8_t)(1 + (seed >> 33) % 255);
            else ((float *)(base + t.offset))[i] = (float)((int32_t)(seed >> 33) % 2001 - 1000) * 1e-3f;
        }
        for (int64_t i = 0; i < lanes; i++) ((float *)(base + t.scales_offset))[i] = 1e-4f;
    }
    // Puts a mapped file where the buffer was.
    static void map_file(pangu::Buffer<uint8_t> &buffer) {
        FILE *file = tmpfile();
        if (!file || fwrite(buffer.data(), 1, (size_t)buffer.size(), file) != (size_t)buffer.size() || fflush(file) != 0 ||
            mmap(buffer.data(), (size_t)buffer.size(), PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fileno(file), 0) == MAP_FAILED)
            exit(1);
        fclose(file);
    }
    void fill_all(const char *pages) {
        uint64_t seed = 1;
        trunk_bytes.allocate(trunk_file.length), group_bytes.allocate(group_file.length);
        if (strcmp(pages, "4k") == 0)
            for (pangu::Buffer<uint8_t> *b : {&trunk_bytes, &group_bytes}) madvise(b->data(), (size_t)b->size(), MADV_NOHUGEPAGE);
        for (int i = 0; i < shape.hidden; i++)
            ((float *)(trunk_bytes.data() + layer.input_norm))[i] = ((float *)(trunk_bytes.data() + layer.post_norm))[i] = 1;
        for (int i = 0; i < shape.experts; i++) ((float *)(trunk_bytes.data() + layer.router_scale))[i] = 1;
        for (const pangu_tensor &t : {layer.qkv, layer.output, layer.gate, layer.shared_gate_up, layer.shared_down}) fill(trunk_bytes.data(), t, seed);
        for (const pangu_expert &e : experts) fill(group_bytes.data(), e.gate_up, seed), fill(group_bytes.data(), e.down, seed);
        if (strcmp(pages, "file") == 0) map_file(trunk_bytes), map_file(group_bytes);
    }
    void open(const char *isa, int threads, int rows, int blocks, int kv_type) {
        int positions = blocks * 64;
        rope.assign((size_t)positions * shape.head_dim / 2, 0.7f);
        pangu_trunk_desc t = {};
        t.struct_bytes = sizeof t, t.threads = threads, t.max_rows = rows, t.kv_blocks = blocks, t.max_positions = positions;
        t.kv_type = kv_type, t.group_output_type = t.embedding_type = PANGU_BF16, t.shape = shape, t.isa = isa;
        t.file = trunk_bytes.data(), t.file_bytes = trunk_bytes.size(), t.layers = &layer;
        t.head = layer.output, t.shape.vocab = shape.hidden;
        t.embedding = layer.qkv.offset, t.final_norm = layer.input_norm, t.rope_cos = t.rope_sin = rope.data();
        pangu_group_desc g = {};
        g.struct_bytes = sizeof g, g.threads = threads, g.max_rows = rows, g.group_output_type = PANGU_BF16, g.shape = shape, g.isa = isa;
        g.file = group_bytes.data(), g.file_bytes = group_bytes.size(), g.experts = experts.data();
        if (pangu_trunk_open(&t, &trunk) != PANGU_OK || pangu_group_open(&g, &group) != PANGU_OK) {
            printf("%s\n", pangu_last_error());
            exit(1);
        }
    }
};

struct Stage {
    const char *name;
    double operations, bytes;
    std::vector<double> seconds;
};

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

struct Meeting {
    int threads;
    std::atomic<int> here{0};
};

// Microseconds of a job whose items do nothing, which is what a stage pays when its work is small: nobody waits for a worker that has not
// come. And of a job whose items all wait for each other: how late a spinning worker comes.
void empty_jobs(int threads) {
    pangu::Pool pool;
    if (threads < 2 || pool.start(threads) != PANGU_OK) return;
    std::vector<double> empty, meeting;
    for (int i = 0; i < 1000; i++) {
        double start = now();
        pool.each(threads, 1 << 20, [](int64_t, int) {});
        double middle = now();
        Meeting m{threads};
        pool.each(threads, 1 << 20, [&](int64_t, int) {
            m.here.fetch_add(1);
            while (m.here.load() < m.threads) __builtin_ia32_pause();
        });
        empty.push_back(middle - start), meeting.push_back(now() - middle);
    }
    std::sort(meeting.begin(), meeting.end());
    printf("job of %d items: empty %.2f us, meeting %.2f us (90 %% below %.2f us)\n", threads, median(empty) * 1e6, meeting[500] * 1e6, meeting[900] * 1e6);
}

// The buffers of one layer's step and its calls.
struct Step {
    Model &m;
    int rows;
    std::vector<int32_t> tokens, positions, tables, blocks, ids;
    std::vector<float> hidden, input, shared, weights;
    std::vector<uint8_t> activations, outputs;
    pangu_batch batch;

    Step(Model &model, int rows_, int context) : m(model), rows(rows_) {
        const pangu_shape &s = m.shape;
        int each = context / 64 + 1;
        for (int r = 0; r < rows; r++) positions.push_back(context ? context : r), tables.push_back(context ? r * each : 0), tokens.push_back(0);
        for (int i = 0; i < (context ? rows * each : rows / 64 + 1); i++) blocks.push_back(i);
        uint64_t seed = 7;
        for (int64_t i = 0; i < (int64_t)rows * s.hidden; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            input.push_back((float)((int32_t)(seed >> 33) % 2001 - 1000) * 1e-3f);
        }
        shared.resize(input.size()), weights.resize((size_t)(rows * s.experts_per_token)), ids.resize(weights.size());
        activations.resize((size_t)rows * (size_t)(s.hidden + 4)), outputs.resize((size_t)rows * (size_t)s.hidden * 2 * (size_t)s.groups);
        batch = {rows, (int32_t)blocks.size(), 0, 0, tokens.data(), positions.data(), tables.data(), blocks.data(), nullptr};
    }
    void attend() { hidden = input, pangu_trunk_attend(m.trunk, 0, &batch, hidden.data(), (int64_t)hidden.size()); }
    void route() {
        int64_t picks = (int64_t)ids.size();
        pangu_trunk_route(m.trunk, 0, rows, hidden.data(), (int64_t)hidden.size(), activations.data(), (int64_t)activations.size(), ids.data(), picks, weights.data(), picks);
    }
    void experts() {
        int64_t picks = (int64_t)ids.size() / m.shape.groups, slice = (int64_t)outputs.size() / m.shape.groups;
        for (int g = 0; g < m.shape.groups; g++)
            pangu_group_forward(m.group, 0, rows, activations.data(), (int64_t)activations.size(), &ids[(size_t)(g * picks)], picks,
                                &weights[(size_t)(g * picks)], picks, &outputs[(size_t)(g * slice)], slice);
    }
    void share() { pangu_trunk_shared(m.trunk, 0, rows, activations.data(), (int64_t)activations.size(), shared.data(), (int64_t)shared.size()); }
    void combine() {
        pangu_trunk_combine(m.trunk, rows, outputs.data(), (int64_t)outputs.size(), shared.data(), (int64_t)shared.size(), hidden.data(), (int64_t)hidden.size());
    }
};

}  // namespace

int main(int argc, char **argv) {
    auto text = [&](int i, const char *other) { return argc > i ? argv[i] : other; };
    bool big = strcmp(text(1, "big"), "big") == 0;
    int rows = atoi(text(2, "512")), rounds = atoi(text(3, "5")), threads = atoi(text(4, "2")), context = atoi(text(6, "0"));
    const char *isa = strcmp(text(5, "best"), "best") == 0 ? nullptr : argv[5];
    if (threads == 1) clock_used = CLOCK_PROCESS_CPUTIME_ID;
    empty_jobs(threads);
    bool int8_kv = strcmp(text(8, "bf16"), "int8") == 0;
    Model m;
    m.shape = big ? pangu_shape{32000, 5120, 1, 40, 8, 128, 64, 8, 8, 1344, 5376, 1e-5f} : pangu_shape{32000, 1024, 1, 16, 4, 64, 64, 8, 8, 256, 1024, 1e-5f};
    const pangu_shape &s = m.shape;
    m.lay_out();
    m.fill_all(text(7, "2m"));
    m.open(isa, threads, rows, context ? rows * (context / 64 + 1) : rows / 64 + 1, int8_kv ? PANGU_I8 : PANGU_BF16);
    // Pages that nobody wrote are all the same one: reading them would be reading from a cache. The bytes are small numbers in every type.
    memset(m.trunk->cache.data(), 0x3d, (size_t)m.trunk->cache.size());
    Step step(m, rows, context);
    Step alone(m, rows, 0);  // as many sequences of one token: the attend call without its attention
    for (int r = 0; r < rows; r++) alone.positions[(size_t)r] = 0, alone.tables[(size_t)r] = context ? 0 : 0;
    for (int32_t &b : alone.blocks) b = 0;
    double h = s.hidden, width = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim, mean = context ? context + 1 : (rows + 1) / 2.0;
    double kv_bytes = int8_kv ? 2 * (kv + 4 * s.kv_heads) : 4 * kv;  // of one position
    double dense = 2 * h * (2 * width + 2 * kv), expert = 6 * h * s.expert_intermediate;
    std::vector<Stage> stages = {
        {"attend, one position", rows * dense, dense / 2, {}}, {"attend, whole", rows * dense, dense / 2 + (context ? rows * kv_bytes * mean : 0), {}},
        {"route", 0, 4 * h * s.experts, {}}, {"experts", rows * expert * s.experts_per_token, 0, {}},
        {"shared", rows * 6 * h * s.shared_intermediate, 3 * h * s.shared_intermediate, {}}, {"combine", 0, 0, {}}};
    std::vector<double> peak, read;
    for (int round = -1; round < rounds; round++) {
        pangu_probe p;
        double at = now();
        pangu_probe_int8(isa, 1 << 20, threads, &p);
        if (threads == 1) p.seconds = now() - at;
        pangu_probe q;
        at = now();
        pangu_probe_read(isa, m.group_bytes.data(), m.group_bytes.size(), threads, &q);
        if (threads == 1) q.seconds = now() - at;
        if (round >= 0) read.push_back(q.amount / q.seconds);
        at = now();
        auto lap = [&](size_t i) { double t = now(); if (round >= 0) stages[i].seconds.push_back(t - at); at = now(); };
        alone.attend(), lap(0), step.attend(), lap(1), step.route(), lap(2), step.experts(), lap(3), step.share(), lap(4), step.combine(), lap(5);
        if (round >= 0) peak.push_back(p.amount / p.seconds);
    }
    double limit = median(peak), total = 0, operations = 0;
    printf("%s, %d rows, %d threads, %s: int8 peak %.3f TOPS, read %.1f GB/s\n", big ? "big" : "small", rows, threads, pangu_trunk_isa(m.trunk), limit * 1e-12,
           median(read) * 1e-9);
    for (size_t i = 0; i < stages.size(); i++) {
        double t = median(stages[i].seconds);
        printf("%-22s %9.3f ms  %5.1f %% of int8 peak  %6.2f GB/s\n", stages[i].name, t * 1e3, 100 * stages[i].operations / t / limit, stages[i].bytes / t * 1e-9);
        if (i > 0) total += t, operations += stages[i].operations;
    }
    double attention = median(stages[1].seconds) - median(stages[0].seconds);
    printf("%-22s %9.3f ms  %6.1f GFLOPS  %6.2f GB/s of keys and values\n", "  of it attention", attention * 1e3,
           rows * 4 * width * mean / attention * 1e-9, context ? rows * kv_bytes * mean / attention * 1e-9 : 0.0);
    printf("%-22s %9.3f ms  %5.1f %% of int8 peak\n", "layer", total * 1e3, 100 * operations / total / limit);
    pangu_trunk_close(m.trunk);
    pangu_group_close(m.group);
}
