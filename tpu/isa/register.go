package isa

import "fmt"

// Register is a configuration register, written by set. Every instruction takes the
// values it needs when it is dispatched.
type Register uint8

const (
	RowBytes Register = iota // transfers: bytes of a row
	MemPitch                 // transfers: bytes from row to row outside
	BufPitch                 // transfers: bytes from row to row in the buffer
	WPitch                   // bytes from row to row of a weight tile's source
	APitch                   // bytes from row to row of activations

	// Convolution: the image, its strides in bytes, and the window.
	CHeight
	CWidth
	CChannels
	CKernelW
	CPitchY
	CPitchX
	CPitchC
	CStrideY
	CStrideX
	CDilateY
	CDilateX
	CSpreadY // distance of the image's rows: zeros lie between them
	CSpreadX
	CPadTop
	CPadLeft
	CK0 // first of the flattened (row, column, channel) elements of the window
	CY0 // first output row
	CX0 // first output column

	// Activation.
	ActCols     // columns written
	ActPitch    // bytes from row to row of the result
	ActBias     // address of one bias per column
	ActScales   // address of one scale per column
	ActScale    // scale of all columns
	ActOutScale // factor before rounding to 8 bits
	ActZero     // zero point of the result
	ActAlpha    // slope of leaky below zero
	ActRound    // 0 float, 1 q31, 2 shift
	ActShift    // of q31 and shift
	PoolWidth   // rows of accumulators that make a line of the picture
	PoolSize
	PoolStride

	// Vector unit.
	VSrc2
	VSrc3
	VCols
	VType // of the result
	VType1
	VType2
	VType3
	VSpread1
	VSpread2
	VSpread3
	VImm1 // scalar sources
	VImm2
	VImm3
	VOffset // pick and place: bytes from the operand's address to its first element
	VPitch  // from row to row
	VStep   // from column to column
	VGroup  // rows of a group, 0 for one group
	VGroupPitch
	VWidth // indexed operations: elements of a row, or rows, of what is indexed
	VFirst // random: the first block

	// The next instruction is carried out RepCount times; after each its operands
	// advance.
	RepCount
	RepBuf
	RepAcc
	RepMem

	registers
)

// kind is how a register's value is written.
type kind uint8

const (
	unsigned kind = iota
	signed
	float   // the bits of a float32
	address // in the buffer, bytes
)

var registerTable = [...]struct {
	name  string
	kind  kind
	reset uint64
}{
	RowBytes: {"row_bytes", unsigned, 0}, MemPitch: {"mem_pitch", unsigned, 0}, BufPitch: {"buf_pitch", unsigned, 0},
	WPitch: {"w_pitch", unsigned, 0}, APitch: {"a_pitch", unsigned, 0},
	CHeight: {"c_height", unsigned, 0}, CWidth: {"c_width", unsigned, 0}, CChannels: {"c_channels", unsigned, 0}, CKernelW: {"c_kernel_w", unsigned, 1},
	CPitchY: {"c_pitch_y", unsigned, 0}, CPitchX: {"c_pitch_x", unsigned, 0}, CPitchC: {"c_pitch_c", unsigned, 0},
	CStrideY: {"c_stride_y", unsigned, 1}, CStrideX: {"c_stride_x", unsigned, 1}, CDilateY: {"c_dilate_y", unsigned, 1}, CDilateX: {"c_dilate_x", unsigned, 1}, CSpreadY: {"c_spread_y", unsigned, 1}, CSpreadX: {"c_spread_x", unsigned, 1},
	CPadTop: {"c_pad_top", signed, 0}, CPadLeft: {"c_pad_left", signed, 0}, CK0: {"c_k0", unsigned, 0}, CY0: {"c_y0", unsigned, 0}, CX0: {"c_x0", unsigned, 0},
	ActCols: {"act_cols", unsigned, 0}, ActPitch: {"act_pitch", unsigned, 0}, ActBias: {"act_bias", address, 0}, ActScales: {"act_scales", address, 0},
	ActScale: {"act_scale", float, 0x3f800000}, ActOutScale: {"act_out_scale", float, 0x3f800000}, ActZero: {"act_zero", signed, 0}, ActAlpha: {"act_alpha", float, 0},
	ActRound: {"act_round", unsigned, 0}, ActShift: {"act_shift", unsigned, 0},
	PoolWidth: {"pool_width", unsigned, 0}, PoolSize: {"pool_size", unsigned, 0}, PoolStride: {"pool_stride", unsigned, 0},
	VSrc2: {"v_src2", address, 0}, VSrc3: {"v_src3", address, 0}, VCols: {"v_cols", unsigned, 0},
	VType: {"v_type", unsigned, uint64(F32)}, VType1: {"v_type1", unsigned, uint64(F32)}, VType2: {"v_type2", unsigned, uint64(F32)}, VType3: {"v_type3", unsigned, uint64(F32)},
	VSpread1: {"v_spread1", unsigned, 0}, VSpread2: {"v_spread2", unsigned, 0}, VSpread3: {"v_spread3", unsigned, 0},
	VImm1: {"v_imm1", float, 0}, VImm2: {"v_imm2", float, 0}, VImm3: {"v_imm3", float, 0},
	VOffset: {"v_offset", signed, 0}, VPitch: {"v_pitch", signed, 0}, VStep: {"v_step", signed, 0}, VGroup: {"v_group", unsigned, 0}, VGroupPitch: {"v_group_pitch", signed, 0},
	VWidth: {"v_width", unsigned, 0}, VFirst: {"v_first", unsigned, 0},
	RepCount: {"rep_count", unsigned, 1}, RepBuf: {"rep_buf", signed, 0}, RepAcc: {"rep_acc", signed, 0}, RepMem: {"rep_mem", signed, 0},
}

// Valid reports whether the register exists.
func (r Register) Valid() bool { return r < registers }

func (r Register) String() string {
	if !r.Valid() {
		return fmt.Sprintf("register %d", uint8(r))
	}
	return registerTable[r].name
}

// resetRegisters are the values at the start of a program. A pitch of 0 stands for
// rows side by side.
func resetRegisters() (v [registers]uint64) {
	for i, r := range registerTable {
		v[i] = r.reset
	}
	return v
}
