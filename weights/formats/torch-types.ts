/** The types of elements that a state dict's pickle may name. */

/** Our name for a type of elements, which a storage class or a dtype stands for. */
export class ElementType {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** our name, torch.dtype, storage class where there is one */
const table: readonly (readonly [name: string, dtype: string, storage?: string])[] = [
  ["F32", "float32", "FloatStorage"],
  ["F64", "float64", "DoubleStorage"],
  ["F16", "float16", "HalfStorage"],
  ["BF16", "bfloat16", "BFloat16Storage"],
  ["F8_E4M3", "float8_e4m3fn"],
  ["F8_E5M2", "float8_e5m2"],
  ["BOOL", "bool", "BoolStorage"],
  ["U8", "uint8", "ByteStorage"],
  ["I8", "int8", "CharStorage"],
  ["U16", "uint16"],
  ["I16", "int16", "ShortStorage"],
  ["U32", "uint32"],
  ["I32", "int32", "IntStorage"],
  ["U64", "uint64"],
  ["I64", "int64", "LongStorage"],
  ["C64", "complex64", "ComplexFloatStorage"],
  ["C128", "complex128", "ComplexDoubleStorage"],
];

/** By module and name, joined by a dot. */
export const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  ["torch.storage.UntypedStorage", new ElementType("U8")],
  ...table.flatMap(([name, ...globals]) =>
    globals.map((global) => [`torch.${global}`, new ElementType(name)] as const),
  ),
]);
