import LinkLayer
import Runtime
import Streaming

/// What a simulated device shows.
extension Console {
  func powerUp(_ configuration: DeviceConfiguration) {
    let place =
      configuration.flash.map {
        configuration.isInFlash ? "in flash, \($0)" : "in memory, and in flash, \($0)"
      } ?? "in memory"
    say("power-up: weights \(place); frames of up to \(configuration.mtu) bytes")
  }

  func tell(_ news: DeviceNews, _ configuration: DeviceConfiguration, baudRate: UInt32) {
    switch news {
    case .waiting:
      emit(.waiting) {
        $0.baud = Int(baudRate)
        $0.mtu = configuration.mtu
      }
      say("waiting for a sender on \(place) at \(baudRate) baud …")
    case .found(let name, let digest):
      emit(.found) {
        $0.model = String(decoding: name, as: UTF8.self)
        $0.digest = digest?.hex
      }
      say("found \(printableText(name)) in flash")
    case .isKeptOtherwise(let isUsable): notice(otherKeeping(configuration, isUsable))
    case .connected:
      emit(.connected) { _ in }
      say("connected to a sender")
    case .resumed: notice("the sender is back; going on where it was")
    case .silent: notice("the sender has fallen silent; waiting for it, or another one …")
    case .began(let name, let tensorCount):
      emit(.began) {
        $0.model = String(decoding: name, as: UTF8.self)
        $0.tensors = tensorCount
      }
      say("\(printableText(name)): \(countText(tensorCount, "tensor"))")
    case .reached(let milestone): reached(milestone)
    case .tried(let metric): measured(metric)
    case .completed(let name, let digest, let tensorCount):
      completed(name, digest, tensorCount)
    case .refused(let code, let hasModel):
      let text = "refused: \(reason(code)); \(whatIsLeft(hasModel))"
      emit(.refused) { $0.message = text }
      say(text)
    case .rejected(let hasModel):
      let text = "refused: the model recognizes too few images; \(whatIsLeft(hasModel))"
      emit(.refused) { $0.message = text }
      say(text)
    case .goesOn(let byteCount): notice("going on behind the \(byteCount) bytes that are there")
    case .unchanged: notice("the sender's model is the one in use; nothing had to come")
    case .stored(let name):
      notice("\(printableText(name)) is verified and stored; the model in use stays")
    case .switched(let name): notice("\(printableText(name)) is in use now")
    case .stopped(let hasModel): notice("the sender stopped; \(whatIsLeft(hasModel))")
    }
  }

  private func completed(_ name: [UInt8], _ digest: Digest?, _ tensorCount: Int) {
    emit(.done) {
      $0.model = String(decoding: name, as: UTF8.self)
      $0.digest = digest?.hex
      $0.tensors = tensorCount
    }
    result("done: \(printableText(name)) is verified and stays")
  }

  private func otherKeeping(_ configuration: DeviceConfiguration, _ isUsable: Bool) -> String {
    let path = configuration.flash.map { "\($0)" } ?? "the flash"
    return isUsable
      ? "\(path) has a model that was written as it came, with --in-flash: it is used from a copy in "
        + "memory, and the next one is written when it is whole"
      : "\(path) has a model that was written from memory, which --in-flash cannot use: start without "
        + "--in-flash to have it; it stays until the next one has come"
  }

  private func whatIsLeft(_ hasModel: Bool) -> String {
    hasModel ? "the model before stays" : "there is no model; waiting for one"
  }

  private func reason(_ code: ReceiverFailure.Code?) -> String {
    switch code {
    case .wrongModel: "another model than this device runs, as the sender is told in detail"
    case .cannotStore: "what came is nothing that this device can keep, or its flash is worn"
    case .verificationFailed: "what came is not what was sent, by its digest"
    case .badStream: "the stream breaks the protocol"
    case .noSpace: "no room"
    case .aborted, nil: "for a reason that has no name"
    }
  }
}
