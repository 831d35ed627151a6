// The official Anthropic client in JavaScript against the gateway.

import assert from 'node:assert/strict'
import test from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema'

const { URL: url, KEY: key, PIXEL: pixel } = process.env
const client = new Anthropic({ baseURL: url, apiKey: key })
const messages = [{ role: 'user', content: 'Hello?' }]
const said = 'tok0 tok1 tok2 tok3 tok4 '
const models = (way) => [`oa-${way}/gpt-fake`, `an-${way}/claude-fake`]
const max_tokens = 1000

for (const model of models('plain')) {
  test(`message ${model}`, async () => {
    const reply = await client.messages.create({ model, max_tokens, messages })
    assert.equal(reply.content[0].text, said)
    assert.equal(reply.usage.output_tokens, 5)
    assert.match(reply._request_id, /^req_/)
  })

  test(`stream ${model}`, async () => {
    let text = ''
    const stream = client.messages.stream({ model, max_tokens, messages })
    stream.on('text', (piece) => { text += piece })
    const final = await stream.finalMessage()
    assert.equal(text, said)
    assert.equal(final.content[0].text, said)
    assert.equal(final.usage.output_tokens, 5)
  })

  test(`structured output ${model}`, async () => {
    const schema = {
      type: 'object', properties: { colour: { type: 'string' } },
      required: ['colour'], additionalProperties: false,
    }
    const reply = await client.messages.create({
      model, max_tokens, messages, output_config: { format: { type: 'json_schema', schema } },
    })
    assert.equal(typeof JSON.parse(reply.content[0].text).colour, 'string')
  })

  test(`count ${model}`, async () => {
    const count = await client.messages.countTokens({ model, messages })
    assert.ok(count.input_tokens > 0)
  })
}

for (const model of models('tools')) {
  for (const stream of [false, true]) {
    test(`tools ${model} ${stream ? 'streamed' : 'whole'}`, async () => {
      const looked = []
      const look = betaTool({
        name: 'look',
        description: 'Look somewhere.',
        inputSchema: {
          type: 'object', properties: { where: { type: 'string' } }, required: ['where'],
        },
        run: ({ where }) => { looked.push(where); return 'a cat' },
      })
      const runner = client.beta.messages.toolRunner({
        model, max_tokens, messages, tools: [look], stream,
      })
      const final = await runner.runUntilDone()
      assert.equal(final.content[0].text, 'tok0 tok1 tok2 ')
      assert.deepEqual(looked, ['where-0'])
    })
  }
}

for (const model of models('thinking')) {
  test(`thinking ${model}`, async () => {
    const thinking = { type: 'adaptive' }
    const reply = await client.messages.create({ model, max_tokens, messages, thinking })
    assert.equal(reply.content[0].thinking, 'th0 th1 th2 ')
    const again = await client.messages.create({
      model, max_tokens, thinking,
      messages: [...messages, { role: 'assistant', content: reply.content },
        { role: 'user', content: 'And?' }],
    })
    assert.equal(again.content.at(-1).text, 'tok0 tok1 tok2 ')
  })
}

for (const model of models('request')) {
  test(`vision ${model}`, async () => {
    const reply = await client.messages.create({
      model, max_tokens,
      messages: [{
        role: 'user',
        content: [
          {
            type: 'image',
            source: { type: 'base64', media_type: 'image/png', data: pixel },
          },
          { type: 'text', text: 'What is it?' },
        ],
      }],
    })
    assert.ok(reply.content[0].text.includes(pixel))
  })
}

test('errors', async () => {
  for (const model of models('bad'))
    await assert.rejects(client.messages.create({ model, max_tokens, messages }),
      Anthropic.BadRequestError)
  for (const model of models('broken'))
    await assert.rejects(client.messages.create({ model, max_tokens, messages }),
      Anthropic.InternalServerError)
  for (const model of models('limited'))
    await assert.rejects(client.messages.create({ model, max_tokens, messages }),
      Anthropic.RateLimitError)
  await assert.rejects(
    client.messages.create({ model: 'no-such-model', max_tokens, messages }),
    Anthropic.NotFoundError)
  const stranger = new Anthropic({ baseURL: url, apiKey: 'ack_wrong' })
  await assert.rejects(stranger.models.list(), Anthropic.AuthenticationError)
  for (const model of models('cut'))
    await assert.rejects(async () => {
      const stream = await client.messages.create({
        model, max_tokens, messages, stream: true,
      })
      for await (const _ of stream);
    }, Anthropic.APIError)
})

test('models', async () => {
  const names = []
  for await (const model of client.models.list({ limit: 5 })) names.push(model.id)
  assert.ok(names.includes('gpt-5.6'))
  assert.equal((await client.models.retrieve('gpt-5.6')).id, 'gpt-5.6')
})
