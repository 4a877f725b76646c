// Package shape is the arithmetic of array shapes: sizes, strides, views,
// broadcasting, and the walk over elements.
//
// A shape is a []int of dimensions, outermost first; a scalar is the empty
// shape. Strides and offsets count elements, not bytes. A view is a shape, one
// stride per dimension (negative and zero allowed) and the offset of its first
// element in a buffer.
//
// The parts are the sizes ([Elements], [Bytes]) and the bounds of a view
// ([Extent], [CheckView]), all checked for overflow; the shape rules of
// operations ([Broadcast], [Reduce], [Permute], [Reshape], [Slice1], [Conv]);
// and the traversal of several operands at once ([Iterator], [Collapse]).
//
// Every function that takes a shape from outside returns an [*Error] that names
// the shape and the dimension at fault, and allocates nothing proportional to
// the sizes it is given. [MustElements], [Strides], [IsDense], [Reduce],
// [NewIterator] and [Collapse] take shapes that have been checked already.
// Results never share memory with arguments.
package shape
