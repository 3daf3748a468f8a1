/* PanguCluster native kernels: the one C interface.
 *
 * Every operation follows src/PanguCluster.Model/Kernels/NUMERICS.md to the bit, whatever the number of rows, threads or the
 * instruction set. Nothing here throws, prints, aborts or allocates after open.
 *
 * Rules for all functions
 *   Status    Every call returns a pangu_status. When it is not PANGU_OK, pangu_last_error() (same thread) says in one sentence which
 *             argument was wrong and what its limit is; outputs are then unspecified but never written out of their bounds.
 *   Lengths   Every buffer comes with its length in the unit its comment names. Longer than needed is fine, shorter is
 *             PANGU_OUT_OF_RANGE. Buffers and descriptors need the natural alignment of their element type, or the call is
 *             PANGU_BAD_LAYOUT (`activations` is bytes and may stand anywhere). Buffers must not overlap.
 *   Owner     The caller owns all buffers and descriptors; nothing is kept after the call returns, except the mapped weight file
 *             (`file`), which must stay mapped and unchanged until the handle is closed. The library owns the handles.
 *   Threads   A handle serves one caller at a time. Different handles are independent. A call on a handle opened with `threads` = T
 *             computes on the calling thread and up to T - 1 workers. All handles of the process share its workers: T - 1 for each,
 *             but no more than there are processors besides the caller's (or than one handle needs). They sleep when there is no
 *             work and end with the last handle.
 *
 * Letters: H hidden, V vocabulary, L layers, D head dimension, N experts, K experts per token, M groups, I expert intermediate,
 * S shared intermediate.
 */
#ifndef PANGU_H
#define PANGU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(PANGU_BUILD)
#define PANGU_API __attribute__((visibility("default")))
#else
#define PANGU_API
#endif

/* Raised when a function or structure below changes incompatibly. */
#define PANGU_ABI_VERSION 1

typedef int32_t pangu_status;
enum {
    PANGU_OK = 0,
    PANGU_NULL_ARGUMENT = 1,   /* a pointer that must not be null is null */
    PANGU_OUT_OF_RANGE = 2,    /* a number, id, offset or buffer length is negative, too small or too large */
    PANGU_UNSUPPORTED_ISA = 3, /* unknown instruction set, or one this machine lacks (argument or PANGU_FORCE_ISA) */
    PANGU_OUT_OF_MEMORY = 4,   /* workspace or KV cache could not be allocated */
    PANGU_THREAD_FAILED = 5,   /* the operating system refused a worker thread */
    PANGU_BAD_LAYOUT = 6       /* a descriptor contradicts itself, the file's length, or this library's structure sizes; a pointer is misaligned */
};

/* Encoding of stored elements; the numbers of PanguCluster.Model.Packing.ElementType. */
enum { PANGU_F32 = 0, PANGU_BF16 = 1, PANGU_F16 = 2, PANGU_I8 = 3, PANGU_I4 = 4 };

/* One matrix [outputs, inputs] in panels of 64 outputs (PanguCluster.Model.Packing.PanelTensor). Offsets are bytes from the start of
 * the mapped file, multiples of 64; scales_offset is used for PANGU_I8 only, bias_offset is -1 where there is no bias. */
typedef struct pangu_tensor {
    int32_t type;
    int32_t outputs; /* of one of the two where paired */
    int32_t inputs;
    int32_t paired;  /* 1: panels alternate gate, up */
    int64_t offset;
    int64_t scales_offset;
    int64_t bias_offset;
} pangu_tensor;

typedef struct pangu_shape {
    int32_t vocab, hidden, layers, heads, kv_heads, head_dim;
    int32_t experts, experts_per_token, groups;
    int32_t expert_intermediate, shared_intermediate;
    float rms_epsilon;
} pangu_shape;

typedef struct pangu_trunk_layer {
    int64_t input_norm;  /* offset of f32[H] */
    int64_t post_norm;   /* offset of f32[H] */
    int64_t router_scale; /* offset of f32[N] */
    pangu_tensor qkv;    /* [heads*D + 2*kv_heads*D, H], bias */
    pangu_tensor output; /* [H, heads*D], bias */
    pangu_tensor gate;   /* F32 [N, H] */
    pangu_tensor shared_gate_up; /* paired [S, H] */
    pangu_tensor shared_down;    /* [H, S] */
} pangu_trunk_layer;

typedef struct pangu_trunk_desc {
    uint32_t struct_bytes;     /* sizeof(pangu_trunk_desc) */
    int32_t threads;           /* 1..256 */
    int32_t max_rows;          /* 1..65536: most rows of one call */
    int32_t kv_blocks;         /* 1..1048576 blocks of 64 positions, each spanning all layers */
    int32_t max_positions;     /* 1..16777216 */
    int32_t kv_type;           /* PANGU_F32, PANGU_BF16 or PANGU_I8 (a scale per position and head) */
    int32_t group_output_type; /* PANGU_F32 or PANGU_BF16 */
    int32_t embedding_type;    /* PANGU_F32, PANGU_BF16 or PANGU_F16 */
    pangu_shape shape;
    const char *isa;           /* "avx512", "avx2", "portable"; null: PANGU_FORCE_ISA, else the best of this machine */
    const void *file;          /* mapped trunk.bin, 64-byte aligned */
    int64_t file_bytes;
    int64_t embedding;         /* offset of [V, H] in embedding_type */
    int64_t final_norm;        /* offset of f32[H] */
    pangu_tensor head;         /* [V, H] */
    const pangu_trunk_layer *layers; /* [L] */
    const float *rope_cos;     /* [max_positions, D/2]; copied */
    const float *rope_sin;     /* [max_positions, D/2]; copied */
} pangu_trunk_desc;

/* One step's rows (PanguCluster.Model.Decoding.StepBatch). Rows of one sequence are contiguous, in ascending position. */
typedef struct pangu_batch {
    int32_t rows;          /* 1..max_rows */
    int32_t block_entries; /* length of blocks */
    int32_t logit_count;   /* 0..rows, used by pangu_trunk_logits only */
    int32_t reserved;      /* 0 */
    const int32_t *tokens;     /* [rows] 0..V-1 */
    const int32_t *positions;  /* [rows] 0..max_positions-1 */
    const int32_t *tables;     /* [rows] start of the row's block table in blocks */
    const int32_t *blocks;     /* [block_entries] 0..kv_blocks-1; entry p/64 of a table holds position p */
    const int32_t *logit_rows; /* [logit_count] 0..rows-1 */
} pangu_batch;

typedef struct pangu_trunk pangu_trunk;
typedef struct pangu_group pangu_group;

/* The sentence that belongs to the last failed call of this thread; empty if none. Valid until the thread's next failed call. */
PANGU_API const char *pangu_last_error(void);
PANGU_API int32_t pangu_abi_version(void);

/* Name of the instruction set a handle opened with `isa` = null would use now; null if PANGU_FORCE_ISA asks for one that cannot run. */
PANGU_API const char *pangu_active_isa(void);

/* PANGU_OK if `isa` ("avx512", "avx2", "portable") can run on this machine. */
PANGU_API pangu_status pangu_isa_supported(const char *isa);

/* Allocates workspace and KV cache, starts workers where there are too few; *trunk is null unless PANGU_OK. */
PANGU_API pangu_status pangu_trunk_open(const pangu_trunk_desc *desc, pangu_trunk **trunk);
/* Null is allowed. No call may be in progress. */
PANGU_API void pangu_trunk_close(pangu_trunk *trunk);
PANGU_API const char *pangu_trunk_isa(const pangu_trunk *trunk);

/* hidden: f32 [rows, H]; every length is in elements unless it says bytes. */
PANGU_API pangu_status pangu_trunk_embed(pangu_trunk *trunk, const pangu_batch *batch, float *hidden, int64_t hidden_length);

/* hidden += attention of `layer`; stores the rows' keys and values first. */
PANGU_API pangu_status pangu_trunk_attend(pangu_trunk *trunk, int32_t layer, const pangu_batch *batch, float *hidden, int64_t hidden_length);

/* activations: [rows, row bytes], row = f32[H], or int8[H] then the row's f32 scale where weights are PANGU_I8 or PANGU_I4.
 * experts, weights: [M, rows, K/M]: ids within the group ascending, softmax probability times router scale. */
PANGU_API pangu_status pangu_trunk_route(pangu_trunk *trunk, int32_t layer, int32_t rows, const float *hidden, int64_t hidden_length,
                                         void *activations, int64_t activation_bytes, int32_t *experts, int64_t experts_length,
                                         float *weights, int64_t weights_length);

/* shared: f32 [rows, H] from the encoded activation rows. */
PANGU_API pangu_status pangu_trunk_shared(pangu_trunk *trunk, int32_t layer, int32_t rows, const void *activations, int64_t activation_bytes,
                                          float *shared, int64_t shared_length);

/* hidden += (group 0 + group 1 + ...) + shared; outputs: [M, rows, H] in group_output_type. */
PANGU_API pangu_status pangu_trunk_combine(pangu_trunk *trunk, int32_t rows, const void *outputs, int64_t output_bytes, const float *shared,
                                           int64_t shared_length, float *hidden, int64_t hidden_length);

/* logits: f32 [logit_count, V]. */
PANGU_API pangu_status pangu_trunk_logits(pangu_trunk *trunk, const pangu_batch *batch, const float *hidden, int64_t hidden_length,
                                          float *logits, int64_t logits_length);

typedef struct pangu_expert {
    pangu_tensor gate_up; /* paired [I, H] */
    pangu_tensor down;    /* [H, I] */
} pangu_expert;

typedef struct pangu_group_desc {
    uint32_t struct_bytes; /* sizeof(pangu_group_desc) */
    int32_t threads;
    int32_t max_rows;
    int32_t group_output_type;
    pangu_shape shape;
    const char *isa;
    const void *file;      /* mapped group-KK.bin, 64-byte aligned */
    int64_t file_bytes;
    const pangu_expert *experts; /* [L, N/M] */
} pangu_group_desc;

PANGU_API pangu_status pangu_group_open(const pangu_group_desc *desc, pangu_group **group);
PANGU_API void pangu_group_close(pangu_group *group);
PANGU_API const char *pangu_group_isa(const pangu_group *group);

/* output: [rows, H] in group_output_type, the sum over a row's chosen experts (ascending id) of weight * SwiGLU(row).
 * experts: [rows, K/M] strictly ascending ids 0..N/M-1; weights: [rows, K/M]. */
PANGU_API pangu_status pangu_group_forward(pangu_group *group, int32_t layer, int32_t rows, const void *activations, int64_t activation_bytes,
                                           const int32_t *experts, int64_t experts_length, const float *weights, int64_t weights_length,
                                           void *output, int64_t output_bytes);

/* What a machine-limit probe did and how long it took, measured inside (monotonic clock). */
typedef struct pangu_probe {
    double amount;  /* bytes read, or operations (a multiply-add counts as 2) */
    double seconds;
} pangu_probe;

/* Reads `buffer` once front to back, one contiguous slice per thread. bytes: 4096 or more. */
PANGU_API pangu_status pangu_probe_read(const char *isa, const void *buffer, int64_t bytes, int32_t threads, pangu_probe *result);
/* Int8 multiply-add from registers, as the matrix kernels of this instruction set do it. iterations: 1..2^40 per thread. */
PANGU_API pangu_status pangu_probe_int8(const char *isa, int64_t iterations, int32_t threads, pangu_probe *result);
/* fp32 fused multiply-add from registers. */
PANGU_API pangu_status pangu_probe_fp32(const char *isa, int64_t iterations, int32_t threads, pangu_probe *result);
/* Returns its argument: the cost of crossing the interface. */
PANGU_API int32_t pangu_noop(int32_t value);

#ifdef __cplusplus
}
#endif
#endif
