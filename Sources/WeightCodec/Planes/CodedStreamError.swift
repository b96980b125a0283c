/// Why a coded stream cannot be what an encoder wrote.
public enum CodedStreamError: Error, Equatable, Sendable {
  /// No tensor has this number.
  case badTensor(Int)
  /// A pass that cannot be the next one of its tensor.
  case badPass(tensor: Int)
  case badLevel(Int)
  case badPlane(Int)
  case badUpdate(tensor: Int)
  case badZeroCount(Int)
  /// An exception behind the tensor's last element, or one that is a number.
  case badException(Int)
  /// The codeword ends in the middle of a unit.
  case tooShort
  /// Bytes follow the codeword's end.
  case tooLong
}
