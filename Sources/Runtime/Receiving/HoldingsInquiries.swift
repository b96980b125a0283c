internal import Streaming
internal import Transfer

/// What others want of the model that a receiver holds, but to replace it.
struct HoldingsInquiries {
  // Who wants to have the model.
  private var request: FetchRequest?
  /// Whether somebody wanted what there is not; who is to come is still waited for.
  private(set) var hasRefused = false

  /// Answers an event that asks for something.
  mutating func answer(
    _ event: ReceiveTransfer.Event, from holdings: Holdings, _ machine: inout ReceiveTransfer
  ) {
    switch event {
    case .listed: machine.tell(holdings.listing)
    case .activated, .rolledBack: refuse("there is one model only", &machine)
    case .fetched(let request):
      guard let digest = holdings.held?.digest, request.digest.map({ $0 == digest }) ?? true
      else { return refuse("no such model is here", &machine) }
      self.request = request
    case .connected, .interrupted, .resumed, .compared, .unchanged, .giverReady, .offered,
      .unitBegan, .content, .unitEnded, .coded, .milestone, .finished, .ended:
      break
    }
  }

  private mutating func refuse(_ text: String, _ machine: inout ReceiveTransfer) {
    hasRefused = true
    machine.fail(ReceiverFailure(.wrongModel, text: Array(text.utf8)))
  }

  /// Who wants to have the model: it is sent once the machine has ended.
  mutating func takeRequest() -> FetchRequest? { request.take() }
}
