/** The stories over Mosquitto, in both versions of MQTT. */
import { connectAsync, type MqttClient } from 'mqtt'
import { mqttTransport } from '@waxwing/mqtt'
import { mosquittoAvailable, requireOrSkip, startMosquitto } from '@waxwing/testkit'
import { describeStories, type Net } from '@waxwing/testkit/stories'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())

for (const protocolVersion of [4, 5] as const) {
  const name = protocolVersion === 4 ? 'MQTT 3.1.1' : 'MQTT 5'
  describeWithMosquitto(name, () => {
    describeStories(`Mosquitto by ${name}`, () => openNet(protocolVersion))
  })
}

/** A broker of its own for each story, with a client that writes down all that it carries. */
async function openNet(protocolVersion: 4 | 5): Promise<Net> {
  const broker = await startMosquitto()
  const { url } = broker
  const carried: { address: string; payload: Uint8Array }[] = []
  const witness: MqttClient = await connectAsync(url, { protocolVersion })
  witness.on('message', (address, payload) => {
    carried.push({ address, payload: new Uint8Array(payload) })
  })
  await witness.subscribeAsync('#', { qos: 1 })
  return {
    transport: async (clientId) =>
      mqttTransport({ url, protocolVersion, clientId: clientId.replaceAll(' ', '-') }),
    carried: () => carried,
    close: async () => {
      await witness.endAsync()
      await broker.close()
    },
  }
}
